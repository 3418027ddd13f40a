//! When passes run (R12.1, R12.2).

use std::time::Duration;

use control_plane::ports::{Passes as _, TaskStatus};
use control_plane::{Options, Scheduled};

use crate::bench::Bench;

#[tokio::test(start_paused = true)]
async fn r12_2_events_alone_are_enough() {
    let bench = Bench::new().await;
    let never = Duration::from_secs(1_000_000);
    let options = Options { period: never, relay_period: never, orders_period: never, ..Options::default() };
    let node = bench.start(bench.node("node-1").options(options));
    for _ in 0..3 {
        let task = bench.launch("deploy").await;
        bench.until(task, TaskStatus::Successful).await;
    }
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r12_1_whoever_does_not_get_the_lock_is_busy_at_once() {
    let bench = Bench::new().await;
    let scheduler = bench.scheduler(Options::default());
    let held = bench.store.begin().await.unwrap().unwrap();
    assert_eq!(scheduler.schedule().await.unwrap(), Scheduled::Busy);
    drop(held);
    assert!(matches!(scheduler.schedule().await.unwrap(), Scheduled::Ran(_)));
}

#[tokio::test(start_paused = true)]
async fn r12_2_an_event_that_met_busy_is_served_later() {
    let bench = Bench::new().await;
    let options = Options { period: Duration::from_secs(1_000_000), ..Options::default() };
    let node = bench.start(bench.node("node-1").options(options));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let held = bench.store.begin().await.unwrap().unwrap();
    let task = bench.launch("quick").await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(bench.task(task).await.status, TaskStatus::Pending);
    drop(held);
    bench.until(task, TaskStatus::Successful).await;
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r12_1_calls_say_what_they_did() {
    let bench = Bench::new().await;
    let node = bench.start(
        bench.node("node-1").roles(control_plane::Roles { worker: true, ..control_plane::Roles::NONE }),
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.launch("deploy").await;
    let Scheduled::Ran(report) = bench.scheduler(Options::default()).schedule().await.unwrap() else {
        panic!("nobody else has the lock");
    };
    assert_eq!((report.passes, report.creates, report.starts, report.dispatched), (2, 1, 1, 1));
    assert_eq!(report.holds.get("waiting_for_dependency"), Some(&1));
    assert!(!report.more);
    node.stop().await.unwrap();
}
