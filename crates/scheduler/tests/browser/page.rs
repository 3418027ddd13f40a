//! On a node with everything in memory: what is shown, what is filtered and sorted, and what may be changed by whom.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use testkit::browser::{Browser, Key};

use crate::support::{Node, TOKEN, click, file, ids, write};

/// The second deployment waits for the first, and each ends when the test says so: `DIRECTORY/TASK` is there then.
const CLUSTER: &str = r#"
    [rules]
    default_groups = ["all"]
    [[instance]]
    hostname = "node-a"
    capacity = 10
    [[group]]
    name = "all"
    instances = ["node-a"]
    [[group]]
    name = "small"
    instances = ["node-a"]
    max_forks = 2
    [[inventory]]
    name = "fleet"
    [[template]]
    name = "deploy"
    inventory = "fleet"
    impact = 2
    run = { command = ["sh", "-c", "until [ -e DIRECTORY/$SCHEDULER_TASK ]; do sleep 0.1; done"] }
    [[template]]
    name = "too-large"
    inventory = "fleet"
    impact = 5
    groups = ["small"]
    run = { command = ["true"] }
    [[template]]
    name = "<img src=x onerror=document.title='broken'>"
    inventory = "fleet"
    impact = 1
    run = { command = ["sleep", "600"] }
    [[workflow]]
    name = "release"
    [[workflow.node]]
    name = "go-live?"
    starts = { approval = {} }
"#;

const LAUNCHES: [&str; 10] = [
    "--launch",
    "template:deploy",
    "--launch",
    "template:deploy",
    "--launch",
    "template:too-large",
    "--launch",
    "template:<img src=x onerror=document.title='broken'>",
    "--launch",
    "workflow:release",
];

/// A node with all of that, and a browser at its page. Tasks 1 and 2 are deployments, 3 never runs, 4 is hostile, 5 is the workflow,
/// 6 its approval.
async fn looking(name: &str, token: bool) -> (Node, Browser) {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // What an earlier run left; there may be nothing.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let cluster = CLUSTER.replace("DIRECTORY", &directory.display().to_string());
    let cluster = file(&format!("{name}.toml"), &cluster);
    let given = file(&format!("{name}.token"), &format!("{TOKEN}\n"));
    let mut arguments = vec!["--cluster", &cluster];
    arguments.extend(LAUNCHES);
    if token {
        arguments.extend(["--http-token-file", &given]);
    }
    let node = Node::start(&arguments, &[]);
    let browser = Browser::start().await;
    browser.goto(&node.url).await.unwrap();
    browser.until("document.querySelector('#queue tbody tr[data-id=\"3\"]')").await;
    (node, browser)
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn a_task_becomes_running_and_ends_before_the_eyes_of_who_looks_and_no_name_becomes_an_element() {
    let (_node, browser) = looking("page-live", false).await;
    browser.run("window.kept = true").await;
    browser.until("document.querySelector('#running tbody tr[data-id=\"1\"]')").await;
    assert_eq!(ids(&browser, "queue").await, "2 3");
    let why = browser.text("#queue tr[data-id=\"2\"] td.wide").await;
    assert!(why.starts_with("resource held") && why.contains("which job 1 held"), "{why}");
    assert!(browser.text("#queue tr[data-id=\"3\"] td.wide").await.starts_with("never runs"));
    file("page-live/1", "");
    browser.until("document.querySelector('#running tbody tr[data-id=\"2\"]')").await;
    browser.until("document.querySelector('#ended tbody tr[data-id=\"1\"]')").await;
    assert_eq!(browser.run("return window.kept").await, json!(true), "without a reload");
    let name = browser.text("#running tr[data-id=\"4\"] .name").await;
    assert_eq!(name, "<img src=x onerror=document.title='broken'>");
    assert_eq!(browser.run("return document.querySelectorAll('img').length").await, json!(0));
    assert!(browser.run("return document.title").await.as_str().unwrap().ends_with("scheduler"));
    assert_eq!(browser.text("#groups li:first-child .name").await, "all");
    assert_eq!(browser.text("#nodes li .badge").await, "in use");
    browser.picture("page-light").await;
    browser.prefer("dark").await;
    browser.picture("page-dark").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn tasks_are_filtered_sorted_and_opened_by_keys_alone_and_by_the_pointer() {
    let (_node, browser) = looking("page-keys", false).await;
    browser.until("document.querySelector('#running tbody tr[data-id=\"1\"]')").await;
    browser.press('/').await;
    write(&browser, "never small").await;
    assert_eq!(ids(&browser, "queue").await, "3", "all words must be there");
    assert_eq!(browser.text("#queue .much").await, "1 of 2");
    browser.press(Key::Escape).await;
    assert_eq!(ids(&browser, "queue").await, "2 3");
    click(&browser, ".reason[data-token=\"never_fits\"]").await;
    assert_eq!(ids(&browser, "queue").await, "3");
    click(&browser, ".reason[data-token=\"never_fits\"]").await;
    let sort = "#queue th:first-child .sort";
    click(&browser, sort).await;
    click(&browser, sort).await;
    assert_eq!(ids(&browser, "queue").await, "3 2", "descending");
    let said = browser.run("return document.querySelector('#queue th').ariaSort").await;
    assert_eq!(said, json!("descending"));
    click(&browser, sort).await;
    assert_eq!(ids(&browser, "queue").await, "2 3", "as the store says again");
    browser.run("document.querySelector('#queue .lead').focus()").await;
    browser.press(Key::Down).await;
    browser.press(Key::Up).await;
    browser.press(Key::Enter).await;
    browser.until("document.querySelectorAll('#task-chain li').length >= 2").await;
    assert!(browser.text("#task-title").await.starts_with("job 2 deploy"));
    let chain = browser.text("#task-chain").await;
    assert!(chain.contains("hold: waits for job 1 to release"), "{chain}");
    browser.picture("page-task").await;
    browser.press(Key::Escape).await;
    browser.until("!document.getElementById('task').open && location.hash === ''").await;
    click(&browser, "#running tr[data-id=\"4\"] td.wide").await;
    browser.until("document.getElementById('task-title').textContent.startsWith('job 4')").await;
    let chain = "document.getElementById('task-chain').textContent";
    browser.until(&format!("{chain}.includes('it holds its place and its claims until it ends')")).await;
    browser.press(Key::Escape).await;
    browser.until("!document.getElementById('task').open && location.hash === ''").await;
    browser.press('/').await;
    write(&browser, "5").await;
    browser.press(Key::Enter).await;
    browser.until("document.getElementById('task-title').textContent.startsWith('workflow job 5')").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// Asks for the cancel of the open task, and confirms it.
async fn confirm(browser: &Browser, button: &str) {
    browser.until(&format!("!document.querySelector('{button}').hidden")).await;
    click(browser, button).await;
    browser.until("!document.getElementById('confirm').hidden").await;
    click(browser, "#confirm-yes").await;
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn without_a_token_configured_a_cancel_is_refused_and_the_page_says_how_to_allow_it() {
    let (node, browser) = looking("page-closed", false).await;
    assert_eq!(browser.text("#token-button").await, "read-only");
    browser.goto(&format!("{}#task=3", node.url)).await.unwrap();
    confirm(&browser, "#cancel").await;
    let said = "document.getElementById('task-said').textContent";
    browser.until(&format!("{said}.includes('no token is configured')")).await;
    browser.until(&format!("{said}.includes('--http-token-file')")).await;
    assert_eq!(ids(&browser, "queue").await.split(' ').next_back(), Some("3"));
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn a_cancel_needs_the_token_and_a_second_word_and_an_approval_likewise() {
    let (node, browser) = looking("page-token", true).await;
    browser.goto(&format!("{}#task=3", node.url)).await.unwrap();
    confirm(&browser, "#cancel").await;
    browser.until("document.getElementById('token').open").await;
    browser.run("document.getElementById('token-field').focus()").await;
    write(&browser, "a-wrong-token-0123456789").await;
    browser.press(Key::Enter).await;
    confirm(&browser, "#cancel").await;
    browser.until("document.getElementById('token-about').textContent.includes('the token is wrong')").await;
    browser.run("document.getElementById('token-field').focus()").await;
    write(&browser, TOKEN).await;
    browser.press(Key::Enter).await;
    assert_eq!(browser.run("return localStorage.length + document.cookie.length").await, json!(0));
    // The first click only asks; no is no.
    click(&browser, "#cancel").await;
    browser.until("!document.getElementById('confirm').hidden").await;
    browser.picture("page-confirm").await;
    click(&browser, "#confirm-no").await;
    assert_eq!(browser.text("#task-said").await, "", "nothing was asked");
    confirm(&browser, "#cancel").await;
    browser.until("document.getElementById('task-said').textContent.includes('asked to cancel')").await;
    browser.press(Key::Escape).await;
    browser.until("document.querySelector('#ended tbody tr[data-id=\"3\"]')").await;
    assert!(browser.text("#ended tr[data-id=\"3\"]").await.contains("canceled"));
    click(&browser, "#asked .lead").await;
    confirm(&browser, "#approve").await;
    browser.until("document.querySelector('#ended tbody tr[data-id=\"6\"]')").await;
    assert!(browser.text("#ended tr[data-id=\"6\"]").await.contains("successful"));
    browser.until("document.getElementById('asked').hidden").await;
    assert_eq!(browser.text("#token-button").await, "changes allowed");
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn a_node_that_is_gone_is_told_from_one_that_is_there() {
    let (node, browser) = looking("page-gone", false).await;
    browser.until("document.getElementById('state').dataset.state === 'live'").await;
    drop(node);
    browser.until("document.getElementById('state').dataset.state === 'gone'").await;
    let banner = browser.text("#banner").await;
    assert!(banner.contains("it does not answer") && banner.contains("Shown is what was seen"), "{banner}");
    assert_eq!(ids(&browser, "queue").await.split(' ').next_back(), Some("3"), "what was seen stays");
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn on_a_phone_nothing_is_wider_than_the_window() {
    let (node, browser) = looking("page-phone", false).await;
    let size = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
    let fits = "document.documentElement.scrollWidth <= 390";
    browser.until(fits).await;
    browser.picture("page-phone").await;
    browser.goto(&format!("{}#task=3", node.url)).await.unwrap();
    browser.until("document.querySelectorAll('#task-chain li').length >= 2").await;
    browser.until(fits).await;
    browser.picture("page-phone-task").await;
}
