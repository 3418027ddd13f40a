//! A handful of tasks: every word and every control.

use std::fs;
use std::time::Duration;

use serde_json::json;
use testkit::browser::{Browser, Key};

use simulator::Timeline;
use timeline::Picture;

use crate::pictures::{HOSTILE, Small};
use crate::{choose, colours, drawn, folder, page, search, width};

async fn opened(name: &str) -> Browser {
    let browser = Browser::start().await;
    browser.open(&page(name, &Small::new().picture())).await;
    browser.until("document.documentElement.dataset.ready").await;
    browser
}

/// Selects a task by the search field.
async fn go_to(browser: &Browser, id: &str) {
    search(browser, id).await;
    browser.press(Key::Enter).await;
    search(browser, "").await;
    browser.run("document.getElementById('stage').focus()").await;
    drawn(browser).await;
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn the_chain_is_said_under_the_pointer_and_beside_the_picture() {
    let browser = opened("chain").await;
    assert_eq!(browser.text("h1").await, "six tasks");
    assert_eq!(browser.text("#count").await, "6 tasks");
    let description = browser.text("#description").await;
    assert!(description.starts_with("6 tasks on 1 instance in 4 min 0 s: 4 successful, 1"), "{description}");
    go_to(&browser, "13").await;
    assert!(
        browser
            .text("#live")
            .await
            .starts_with("job 13 migrate: successful, waited 1 min 8 s, ran 2 min 0 s")
    );
    let panel = browser.text("#panel").await;
    assert!(panel.contains("1 min 8 s: waits for project update 12, on which it depends"), "{panel}");
    assert!(panel.contains("project update 12 site-code waits for job 11 to release project 3"), "{panel}");
    assert!(panel.contains("job 11 deploy runs on node-a (default) since 2026-03-02 12:00:00"), "{panel}");

    // The wait of task 13 is one lane above its run.
    browser.press(Key::Up).await;
    drawn(&browser).await;
    let wait = browser.middle_of("#cursor").await;
    browser.point(wait, false).await;
    browser.until("!document.getElementById('tip').hidden").await;
    let tip = browser.text("#tip").await;
    assert!(tip.contains("waits for job 11 to release project 3"), "{tip}");
    browser.picture("small-chain").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn keys_lead_from_bar_to_bar() {
    let browser = opened("keys").await;
    let live = || browser.text("#live");
    go_to(&browser, "11").await;
    browser.press(Key::Right).await;
    assert!(live().await.starts_with("project update 12"), "{}", live().await);
    browser.press('b').await;
    assert!(live().await.starts_with("job 11 deploy"), "b goes to what it waited for: {}", live().await);
    browser.press(Key::Right).await;
    browser.press(Key::Left).await;
    assert!(live().await.starts_with("job 11 deploy"), "{}", live().await);
    // The cursor is drawn with the next picture.
    let label = "document.getElementById('cursor').getAttribute('aria-label')";
    browser.until(&format!("({label} || '').startsWith('job 11 deploy')")).await;

    browser.press('0').await;
    let whole = width(&browser).await;
    browser.press('+').await;
    let nearer = width(&browser).await;
    assert!(nearer > whole * 1.2, "{nearer} after {whole}");
    browser.press('-').await;
    browser.press('0').await;
    assert!((width(&browser).await - whole).abs() < 1.0);

    browser.press('?').await;
    browser.until("document.getElementById('help').open").await;
    browser.press(Key::Escape).await;
    browser.until("!document.getElementById('help').open").await;
    browser.press(Key::Escape).await;
    assert_eq!(live().await, "");
    browser.until("document.getElementById('panel').hidden").await;
    browser.press('/').await;
    browser.until("document.activeElement.id === 'search'").await;
    for key in "render".chars() {
        browser.press(key).await;
    }
    assert_eq!(browser.text("#count").await, "1 of 6 tasks");
    browser.press(Key::Enter).await;
    assert!(live().await.starts_with("job 15 render: can never run, waited 2 min 30 s and never started"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn filters_and_tables_count_what_is_chosen() {
    let browser = opened("filters").await;
    let (_, before) = (colours(&browser).await, browser.text("#count").await);
    assert_eq!(before, "6 tasks");
    choose(&browser, "status", "failed").await;
    assert_eq!(browser.text("#count").await, "1 of 6 tasks");
    choose(&browser, "status", "every").await;
    choose(&browser, "template", "migrate").await;
    assert_eq!(browser.text("#count").await, "1 of 6 tasks");
    choose(&browser, "template", "every").await;
    choose(&browser, "group", "default").await;
    assert_eq!(browser.text("#count").await, "5 of 6 tasks");
    choose(&browser, "group", "every").await;
    browser.run("document.getElementById('summary-open').click()").await;
    let summary = browser.text("#summary-tables").await;
    assert!(summary.contains("How long tasks waited") && summary.contains("What was used"), "{summary}");
    let rows = "return [...document.querySelectorAll('#summary-tables tr')].map((row) => [...row.cells].map((cell) => cell.textContent).join('|'))";
    let rows = browser.run(rows).await.to_string();
    assert!(rows.contains("all|6|5|0 s|1 min 8 s|1 min 8 s|1 min 8 s"), "{rows}");
    assert!(rows.contains("node-a|16|12|"), "{rows}");
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn light_and_dark_follow_the_reader_and_the_toggle() {
    let browser = opened("theme").await;
    browser.prefer("light").await;
    let (count, light) = colours(&browser).await;
    assert!(count > 8, "the picture has {count} colours");
    assert_eq!(light, "255 255 255");
    browser.prefer("dark").await;
    let (count, dark) = colours(&browser).await;
    assert!(count > 8 && dark != light, "{dark}");
    browser.picture("small-dark").await;
    browser.run("document.getElementById('theme').click()").await;
    assert_eq!(colours(&browser).await.1, light, "the toggle goes before the preference");
    browser.press('t').await;
    assert_eq!(colours(&browser).await.1, dark);
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn the_exported_picture_is_what_is_seen() {
    let browser = opened("export").await;
    let downloads = folder("export-downloads");
    browser.download_to(&downloads).await;
    go_to(&browser, "13").await;
    browser.run("document.getElementById('export').click()").await;
    let file = downloads.join("timeline.svg");
    let mut svg = String::new();
    for _ in 0..500 {
        svg = fs::read_to_string(&file).unwrap_or_default();
        if svg.ends_with("</svg>\n") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{} bytes", svg.len());
    assert!(svg.contains("<title>six tasks</title>") && svg.contains(">13 migrate</text>"), "{svg}");
    assert!(svg.contains("node-a") && svg.contains("stroke-dasharray"), "lanes and arrows are in it");
    assert!(!svg.contains("<img") && !svg.contains("onerror=\""), "{svg}");
    let parsed = "return new DOMParser().parseFromString(arguments[0], 'image/svg+xml').querySelector('parsererror') === null";
    assert_eq!(browser.execute(parsed, vec![json!(svg)]).await.unwrap(), json!(true));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn names_are_never_markup_and_nothing_leaves_the_page() {
    let browser = opened("hostile").await;
    go_to(&browser, "16").await;
    assert_eq!(browser.text("#panel h2").await, format!("job 16 {HOSTILE}"));
    browser.run("document.getElementById('summary-open').click()").await;
    assert_eq!(browser.run("return document.images.length").await, json!(0));
    assert_eq!(browser.run("return document.title").await, json!("six tasks"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    let request = "
        const done = arguments[0];
        const refused = [];
        document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
        fetch('http://127.0.0.1:9/').catch(() => {}).then(() => setTimeout(() => done(refused), 50))";
    assert_eq!(browser.execute_async(request, Vec::new()).await.unwrap(), json!(["connect-src"]));
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn a_picture_without_tasks_opens_too() {
    let small = Small::new();
    let nothing = Timeline::default();
    let browser = Browser::start().await;
    browser.open(&page("nothing", &Picture { timeline: &nothing, ..small.picture() })).await;
    browser.until("document.documentElement.dataset.ready").await;
    assert_eq!(browser.text("#count").await, "0 tasks");
    browser.press(Key::Right).await;
    browser.run("document.getElementById('summary-open').click()").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
