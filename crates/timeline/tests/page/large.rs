//! Twenty thousand tasks: the page stays small, and obeys.

use std::fs;

use testkit::browser::{Browser, Key};
use timeline::Picture;

use crate::pictures::simulated;
use crate::{colours, page, search, width};

/// What the page of so many tasks may weigh.
const MOST_BYTES: u64 = 5_000_000;

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn twenty_thousand_tasks_are_seen_and_found() {
    let (workload, outcome) = simulated("tasks=20000,load=0.9,instances=20");
    let path = page("large", &Picture::of(&outcome, &workload.cluster.groups));
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes < MOST_BYTES, "{bytes} bytes");

    let browser = Browser::start().await;
    browser.open(&path).await;
    browser.until("document.documentElement.dataset.ready").await;
    assert_eq!(browser.text("#count").await, "20,000 tasks");
    let (overview, _) = colours(&browser).await;
    assert!(overview > 20, "the picture has {overview} colours");
    browser.picture("large-light").await;

    search(&browser, "12345").await;
    browser.press(Key::Enter).await;
    search(&browser, "").await;
    assert!(browser.text("#live").await.starts_with("job 12345"));
    let near = width(&browser).await;
    assert!(near > 20.0, "Enter shows a task's whole life, {near} pixels wide");

    let (x, y) = browser.middle_of("#cursor").await;
    let left = || browser.run("return document.getElementById('cursor').getBoundingClientRect().left");
    let before = left().await.as_f64().unwrap();
    browser.drag((x, y), (x + 120.0, y)).await;
    assert!((width(&browser).await - near).abs() < 1.0, "dragging moves and does not zoom");
    let moved = left().await.as_f64().unwrap() - before;
    assert!((moved - 120.0).abs() < 2.0, "moved by {moved}");
    #[expect(clippy::cast_possible_truncation, reason = "a place in a window")]
    browser.wheel((x as i64, y as i64), 400).await;
    assert!(width(&browser).await < near * 0.6, "the wheel shows more time");
    browser.prefer("dark").await;
    browser.picture("large-selected").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
