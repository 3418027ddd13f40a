//! Every route that only looks: its status, its headers and what it says.

use std::io::Read as _;

use control_plane::ports::{Joining, Members as _};
use scheduler_core::NodeType;
use serde_json::json;

use super::{HOSTILE, Port, job};

#[tokio::test]
async fn every_route_answers_with_its_status_and_the_headers_that_keep_browsers_from_harm() {
    let port = Port::open(None).await;
    let routes = [
        ("GET", "/", 200, "text/html"),
        ("HEAD", "/", 200, "text/html"),
        ("GET", "/page.css", 200, "text/css"),
        ("GET", "/page.js", 200, "text/javascript"),
        ("GET", "/ask.js", 200, "text/javascript"),
        ("GET", "/tables.js", 200, "text/javascript"),
        ("GET", "/rows.js", 200, "text/javascript"),
        ("GET", "/task.js", 200, "text/javascript"),
        ("GET", "/words.js", 200, "text/javascript"),
        ("GET", "/icon.svg", 200, "image/svg+xml"),
        ("GET", "/metrics", 200, "text/plain; version=0.0.4"),
        ("GET", "/healthz", 200, "text/plain"),
        ("GET", "/readyz", 503, "text/plain"),
        ("GET", "/other", 404, "text/plain"),
        ("POST", "/", 405, "text/plain"),
        ("GET", "/api/overview", 200, "application/json"),
        ("GET", "/api/tasks/7", 404, "application/json"),
        ("GET", "/api/tasks/x", 404, "application/json"),
        ("GET", "/api/other", 404, "application/json"),
        ("GET", "/api/tasks/7/cancel", 405, "application/json"),
        ("POST", "/api/overview", 405, "application/json"),
        ("DELETE", "/api/tasks/7", 405, "application/json"),
        ("POST", "/api/tasks/7/cancel", 403, "application/json"),
        ("POST", "/api/tasks/7/answer", 403, "application/json"),
    ];
    for (method, path, status, content_type) in routes {
        let heard = port.ask(method, path, &[], "").await;
        assert_eq!(heard.status, status, "{method} {path}");
        assert!(heard.header("content-type").starts_with(content_type), "{method} {path}: {heard:?}");
        let policy = heard.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{method} {path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(heard.header("x-content-type-options"), "nosniff");
        assert_eq!(heard.header("referrer-policy"), "no-referrer");
        assert_eq!(heard.header("cache-control"), "no-store");
        if content_type == "application/json" && status >= 400 {
            let error = &heard.json()["error"];
            for field in ["code", "place", "what", "remedy"] {
                assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{path}: {error}");
            }
        }
        if status == 405 {
            assert!(!heard.header("allow").is_empty(), "{method} {path}");
        }
        if method == "HEAD" {
            assert!(heard.body.is_empty());
        }
    }
}

#[test]
fn the_page_has_no_script_and_no_style_but_its_files_and_makes_no_element_of_text() {
    let page = include_str!("../page/page.html");
    let handlers = page.split_whitespace().filter(|word| word.starts_with("on") && word.contains('='));
    assert_eq!(handlers.count(), 0);
    assert!(!page.contains("style=") && !page.contains("<style"), "only files");
    assert_eq!(page.matches("<script").count(), 1);
    for script in [
        include_str!("../page/page.js"),
        include_str!("../page/rows.js"),
        include_str!("../page/tables.js"),
        include_str!("../page/task.js"),
        include_str!("../page/words.js"),
        include_str!("../page/ask.js"),
    ] {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage"]
        {
            assert!(!script.contains(way), "{way}");
        }
    }
}

#[tokio::test]
async fn an_overview_shows_what_waits_and_why_what_runs_and_where_and_the_counts() {
    let port = Port::open(None).await;
    let (first, second) = (port.launch(job()).await, port.launch(job()).await);
    port.pass().await;
    let overview = port.get("/api/overview").await.json();
    assert_eq!(overview["version"], 1);
    assert_eq!(overview["stale"], json!(null));
    assert_eq!(
        overview["served_by"],
        json!({ "node": "node-a", "program": env!("CARGO_PKG_VERSION"), "changes": false })
    );
    assert_eq!(overview["counts"], json!({ "pending": 1, "waiting": 1, "running": 0 }));
    assert_eq!(overview["holds"], json!({ "resource_held": 1 }));
    assert_eq!(overview["outbox"]["messages"], 1);
    let held = &overview["pending"]["tasks"][0];
    assert_eq!((held["id"].clone(), held["name"].clone()), (json!(second), json!(HOSTILE)));
    let sentence = held["hold"]["sentence"].as_str().unwrap();
    assert!(sentence.ends_with(&format!("which job {first} held for exclusive at first")), "{sentence}");
    assert!(held["hold"]["since"].is_string());
    let holding = &overview["holding"];
    assert_eq!(
        (holding["total"].clone(), holding["tasks"][0]["place"].clone()),
        (json!(1), json!("on node-a (all)"))
    );
    let group = json!({
        "name": "all", "capacity": 10, "used": 5, "container": false, "max_forks": 8, "max_concurrent_jobs": 0, "limit": 8,
    });
    assert_eq!(overview["groups"], json!([group]));
    let node = &overview["nodes"][0];
    assert_eq!((node["state"].clone(), node["version"].clone()), (json!("in_use"), json!("1.2.3")));
}

#[tokio::test]
async fn r8_2_a_node_that_takes_no_work_is_told_from_one_in_use() {
    let port = Port::open(None).await;
    let node = Joining {
        hostname: "node-a".into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: false,
        version: "1.2.3".into(),
    };
    port.store.join(&node).await.unwrap();
    let overview = port.get("/api/overview").await.json();
    assert_eq!(overview["nodes"][0]["state"], "takes_no_work");
}

#[tokio::test]
async fn a_tasks_chain_is_what_explain_prints() {
    let port = Port::open(None).await;
    let (first, second) = (port.launch(job()).await, port.launch(job()).await);
    port.pass().await;
    let heard = port.get(&format!("/api/tasks/{second}")).await.json();
    assert_eq!(heard["task"]["id"], json!(second));
    assert!(heard["as_of"].is_string());
    let chain: Vec<&str> =
        heard["chain"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(chain.len(), 3, "{chain:?}");
    assert!(chain[0].starts_with(&format!("job {second} {HOSTILE} on job template")), "{chain:?}");
    assert!(chain[1].starts_with(&format!("hold: waits for job {first} to release")), "{chain:?}");
    assert!(chain[2].starts_with(&format!("  job {first} {HOSTILE}")), "{chain:?}");
    assert!(!chain.iter().any(|line| line.contains('\u{1b}')), "no colours: {chain:?}");
}

#[tokio::test]
async fn of_a_task_that_has_ended_the_row_says_all_there_is_and_no_queue_is_read() {
    let port = Port::open(Some(super::TOKEN)).await;
    let task = port.launch(job()).await;
    port.pass().await;
    super::changes::cancel(&port, task).await;
    let heard = port.get(&format!("/api/tasks/{task}")).await.json();
    assert_eq!(heard["as_of"], json!(null));
    let line = heard["chain"][0].as_str().unwrap();
    assert!(line.contains(": canceled since ") && line.ends_with("it was asked to cancel"), "{line}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let port = Port::open(None).await;
    for path in ["/", "/api/overview"] {
        let first = port.get(path).await;
        let tag = first.header("etag").to_owned();
        let again = port.ask("GET", path, &[("If-None-Match", &tag)], "").await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), tag);
    }
    let again = port.get("/api/overview").await;
    assert!(!again.header("x-store-time").is_empty(), "a page reckons by it");
}

#[tokio::test]
async fn whoever_can_gets_it_compressed() {
    let port = Port::open(None).await;
    let heard = port.ask("GET", "/page.css", &[("Accept-Encoding", "gzip")], "").await;
    assert_eq!(heard.header("content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*heard.body).read_to_string(&mut text).unwrap();
    assert_eq!(text, include_str!("../page/page.css"));
}
