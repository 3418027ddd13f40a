//! The store is away, for one node or for all: nothing runs on behind the cluster's back, and nobody is failed for the store's sake.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use control_plane::definition::Definitions;
use control_plane::ports::{Admin as _, NodeStore, TaskStatus};
use control_plane::{Handler, Node, NodeBuilder, NodeError, Options};
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, handlers, name};
use crate::flaky::Flaky;

/// The cluster's heartbeat grace is 30 s.
const LONGER_THAN_THE_GRACE: Duration = Duration::from_secs(60);

fn node(bench: &Bench, store: &Arc<Flaky>, hostname: &str) -> NodeBuilder {
    Node::builder(Arc::<Flaky>::clone(store), Arc::new(bench.broker.clone()))
        .hostname(hostname)
        .clock(Arc::<crate::bench::RuntimeClock>::clone(&bench.clock))
        .handlers(handlers())
}

fn flaky(bench: &Bench) -> Arc<Flaky> {
    Arc::new(Flaky::new(bench.store.clone()))
}

fn down(stores: &[&Arc<Flaky>], down: bool) {
    for store in stores {
        store.down.store(down, Ordering::Relaxed);
    }
}

/// Says when it is dropped.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn r8_1_after_an_outage_nodes_are_heard_before_anybody_is_failed_for_silence() {
    let bench = Bench::new().await;
    let (one, two) = (flaky(&bench), flaky(&bench));
    let options = Options { fence: false, ..Options::default() };
    let first = bench.start(node(&bench, &one, "node-1").options(options));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    let brisk = Options { retry_cap: Duration::from_millis(200), ..options };
    let second = bench.start(node(&bench, &two, "node-2").options(brisk));
    sleep(Duration::from_secs(20)).await;
    down(&[&one, &two], true);
    sleep(LONGER_THAN_THE_GRACE).await;
    down(&[&two], false);
    sleep(Duration::from_secs(3)).await;
    down(&[&one], false);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.task(task).await.status, TaskStatus::Running, "its node was well all along");
    // One that stays silent is lost as ever.
    first.ended.abort();
    bench.until(task, TaskStatus::Failed).await;
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r8_1_a_node_that_is_cut_off_ends_what_it_runs_before_others_fail_it() {
    let bench = Bench::new().await;
    let cut_off = flaky(&bench);
    let ended = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&ended);
    let stubborn = Handler::new(move |_: Value, _| {
        let ends = Ends(Arc::clone(&held));
        async move {
            sleep(Duration::from_secs(3600)).await;
            drop(ends);
        }
    });
    let alone = node(&bench, &cut_off, "node-1").handlers(handlers().with(name("slow"), stubborn));
    let alone = bench.start(alone);
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    let second = bench.start(bench.node("node-2"));
    sleep(Duration::from_secs(20)).await;
    down(&[&cut_off], true);
    sleep(Duration::from_secs(20)).await;
    assert!(!ended.load(Ordering::Relaxed), "a short outage ends nothing");
    bench.until(task, TaskStatus::Failed).await;
    assert!(ended.load(Ordering::Relaxed), "nothing of it runs when its claims are given to others");
    down(&[&cut_off], false);
    second.stop().await.unwrap();
    let next = bench.launch("quick").await;
    bench.until(next, TaskStatus::Successful).await;
    alone.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r8_1_what_a_node_ended_in_an_outage_for_all_does_not_stay_running() {
    let bench = Bench::new().await;
    let store = flaky(&bench);
    let node = bench.start(node(&bench, &store, "node-1"));
    let (slow, again) = (bench.launch("slow").await, bench.launch("again").await);
    bench.until(slow, TaskStatus::Running).await;
    let before = bench.until(again, TaskStatus::Running).await.started;
    down(&[&store], true);
    sleep(LONGER_THAN_THE_GRACE).await;
    down(&[&store], false);
    let failed = bench.until(slow, TaskStatus::Failed).await;
    assert!(failed.explanation.contains("no contact with the store"), "{}", failed.explanation);
    sleep(Duration::from_secs(30)).await;
    let restarted = bench.until(again, TaskStatus::Running).await;
    assert!(restarted.started > before, "it may be run again, so it was");
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_to_fence_itself_goes_on_through_an_outage() {
    let bench = Bench::new().await;
    let store = flaky(&bench);
    let options = Options { fence: false, ..Options::default() };
    let long = Handler::new(|_: Value, _| sleep(Duration::from_secs(90)));
    let node = node(&bench, &store, "node-1").options(options).handlers(handlers().with(name("slow"), long));
    let node = bench.start(node);
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    down(&[&store], true);
    sleep(LONGER_THAN_THE_GRACE).await;
    down(&[&store], false);
    bench.until(task, TaskStatus::Successful).await;
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r8_1_a_clock_that_is_set_forward_fails_nobody_and_hides_nobody_who_is_gone() {
    let bench = Bench::new().await;
    let first = bench.start(bench.node("node-1"));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    let second = bench.start(bench.node("node-2"));
    sleep(Duration::from_secs(20)).await;
    for _ in 0..3 {
        bench.clock.step(Duration::from_secs(3600));
        // Every step meets another moment between two heartbeats, and each launch asks for a pass at once.
        let next = bench.launch("quick").await;
        bench.until(next, TaskStatus::Successful).await;
        sleep(Duration::from_millis(7_300)).await;
        assert_eq!(bench.task(task).await.status, TaskStatus::Running, "its node was well all along");
    }
    first.ended.abort();
    bench.clock.step(Duration::from_secs(3600));
    let silent = tokio::time::Instant::now();
    bench.until(task, TaskStatus::Failed).await;
    assert!(silent.elapsed() > Duration::from_secs(20), "not before its own fence: {:?}", silent.elapsed());
    assert!(silent.elapsed() < Duration::from_secs(90), "{:?}", silent.elapsed());
    second.stop().await.unwrap();
}

fn grace(seconds: u32) -> Definitions {
    let rules = format!("[rules]\ndefault_groups = [\"default\"]\nheartbeat_grace = {seconds}\n");
    toml::from_str(&rules).unwrap()
}

#[tokio::test(start_paused = true)]
async fn r8_1_a_node_that_would_be_lost_between_two_heartbeats_does_not_join_and_says_the_remedy() {
    let bench = Bench::new().await;
    let options = Options { heartbeat: Duration::from_secs(11), ..Options::default() };
    let ended = bench.start(bench.node("node-1").options(options)).ended.await.unwrap();
    let Err(why @ NodeError::Grace { .. }) = ended else { panic!("{ended:?}") };
    let words = why.to_string();
    assert!(words.contains("is 30 s") && words.contains("every 10 s at most"), "{words}");
    let options = Options { heartbeat: Duration::from_secs(10), ..options };
    bench.start(bench.node("node-1").options(options)).stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r8_1_a_grace_that_becomes_shorter_than_the_heartbeat_fails_nothing() {
    let bench = Bench::new().await;
    let (first, second) = (bench.start(bench.node("node-1")), bench.start(bench.node("node-2")));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    bench.store.define(&grace(20)).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    bench.store.define(&grace(6)).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    bench.store.define(&grace(3)).await.unwrap();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(bench.task(task).await.status, TaskStatus::Running, "its node beats as often as it must");
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_runs_on_a_store_that_is_no_more_than_a_node_needs() {
    let bench = Bench::new().await;
    // It can neither launch nor look nor remove: that is done beside it.
    let store: Arc<dyn NodeStore> = flaky(&bench);
    let node = bench.start(
        Node::builder(store, Arc::new(bench.broker.clone()))
            .hostname("node-1")
            .clock(Arc::<crate::bench::RuntimeClock>::clone(&bench.clock))
            .handlers(handlers()),
    );
    let task = bench.launch("quick").await;
    bench.until(task, TaskStatus::Successful).await;
    node.stop().await.unwrap();
}
