//! A node that forgets what ended long ago.

use std::sync::Arc;
use std::time::Duration;

use control_plane::Options;
use control_plane::ports::{Admin as _, TaskStatus};
use tokio::time::sleep;

use crate::bench::Bench;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn what_ended_longer_ago_than_it_is_to_be_kept_is_removed() {
    let bench = Bench::new().await;
    let options = Options { retain_period: MINUTE, ..Options::default() };
    let keeping = bench.node("node-1").options(options).retaining(Arc::new(bench.store.clone()), 24 * MINUTE);
    let node = bench.start(keeping);
    let old = bench.launch("quick").await;
    let needed = bench.launch("deploy").await;
    bench.until(needed, TaskStatus::Successful).await;
    bench.until(old, TaskStatus::Successful).await;
    sleep(20 * MINUTE).await;
    let young = bench.launch("quick").await;
    bench.until(young, TaskStatus::Successful).await;
    assert_eq!(bench.task(old).await.status, TaskStatus::Successful, "not old enough yet");
    sleep(6 * MINUTE).await;
    assert_eq!(bench.store.task(old).await.unwrap(), None);
    assert_eq!(bench.store.task(needed).await.unwrap(), None);
    assert_eq!(bench.task(young).await.status, TaskStatus::Successful);
    let left = bench.store.history(&control_plane::ports::HistoryFilter::default()).await.unwrap();
    assert_eq!(left.len(), 2, "the young one, and the last update of the project (R4.2): {left:?}");
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_unless_that_is_wanted() {
    let bench = Bench::new().await;
    let options = Options { retain_period: MINUTE, ..Options::default() };
    let node = bench.start(bench.node("node-1").options(options));
    let task = bench.launch("quick").await;
    bench.until(task, TaskStatus::Successful).await;
    sleep(100 * MINUTE).await;
    assert_eq!(bench.task(task).await.status, TaskStatus::Successful);
    node.stop().await.unwrap();
}
