//! How long a page takes to open and to react, printed as medians; of the page that `TIMELINE_PAGE` names, or of 20,000 tasks.

use std::env;
use std::fs;
use std::path::PathBuf;

use testkit::browser::Browser;
use timeline::Picture;

use crate::page;
use crate::pictures::simulated;

const RUNS: usize = 9;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs an action, and gives the milliseconds until the frame after the one that shows its result.
async fn reaction(browser: &Browser, action: &str) -> f64 {
    let script = format!(
        "const done = arguments[0];
         const began = performance.now();
         {action};
         requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)))"
    );
    let mut times = Vec::new();
    for _ in 0..RUNS {
        times.push(browser.execute_async(&script, Vec::new()).await.unwrap().as_f64().unwrap());
    }
    median(times)
}

#[tokio::test]
#[ignore = "needs Chromium: scripts/test installs it"]
async fn how_long_a_page_takes() {
    let path = env::var_os("TIMELINE_PAGE").map_or_else(
        || {
            let (workload, outcome) = simulated("tasks=20000,load=0.9,instances=20");
            page("numbers", &Picture::of(&outcome, &workload.cluster.groups))
        },
        PathBuf::from,
    );
    let browser = Browser::start().await;
    let mut opened = Vec::new();
    for _ in 0..RUNS {
        browser.open(&path).await;
        browser.until("document.documentElement.dataset.ready").await;
        let ready = browser.run("return Number(document.documentElement.dataset.ready)").await;
        opened.push(ready.as_f64().unwrap());
    }
    let wheel = |turn: i32| {
        format!(
            "document.getElementById('stage').dispatchEvent(new WheelEvent('wheel', \
             {{ deltaY: {turn}, clientX: 700, clientY: 400, bubbles: true, cancelable: true }}))"
        )
    };
    let fit = "document.getElementById('fit').click()";
    println!("{}, {} bytes", browser.text("#count").await, fs::metadata(&path).unwrap().len());
    println!("open, until the picture is drawn     {:>6.0} ms", median(opened));
    println!("draw everything                      {:>6.0} ms", reaction(&browser, fit).await);
    println!("zoom by the wheel                    {:>6.0} ms", reaction(&browser, &wheel(-40)).await);
    browser.run(fit).await;
    let filter = "document.getElementById('search').value = '1'; \
                  document.getElementById('search').dispatchEvent(new Event('input'))";
    println!("filter by a text                     {:>6.0} ms", reaction(&browser, filter).await);
    println!(
        "the tables of the summary            {:>6.0} ms",
        reaction(
            &browser,
            "document.getElementById('summary').close(); document.getElementById('summary-open').click()"
        )
        .await
    );
}
