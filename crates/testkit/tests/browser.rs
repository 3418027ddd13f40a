//! The browser that other tests drive: it opens a page, obeys, tells what the page complains about, and is gone afterwards.
#![cfg(feature = "browser")]

use std::fs;

use testkit::browser::Browser;

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn a_page_is_opened_driven_and_heard() {
    let file = std::env::temp_dir().join(format!("scheduler-page.{}.html", std::process::id()));
    fs::write(&file, "<!doctype html><p>hello</p><script>console.error('lost')</script>").unwrap();
    let browser = Browser::start().await;
    browser.open(&file).await;
    fs::remove_file(&file).unwrap();
    assert_eq!(browser.text("p").await, "hello");
    browser.prefer("dark").await;
    browser.until("matchMedia('(prefers-color-scheme: dark)').matches").await;
    browser.prefer("light").await;
    browser.until("matchMedia('(prefers-color-scheme: light)').matches").await;
    let complaints = browser.complaints().await;
    assert!(complaints.len() == 1 && complaints[0].contains("lost"), "{complaints:?}");
}
