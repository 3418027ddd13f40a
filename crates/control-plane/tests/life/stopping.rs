//! Nodes that stop, in good order or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use control_plane::ports::{Admin as _, Broker as _, TaskStatus};
use control_plane::{Handler, Node, NodeError, Options, PoolBounds, Roles};
use scheduler_core::TaskId;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::bench::{Bench, handlers, name};
use crate::flaky::Flaky;

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_lets_what_runs_end() {
    let bench = Bench::new().await;
    let brief = Handler::new(|_: Value, _| sleep(Duration::from_secs(20)));
    let node = bench.start(bench.node("node-1").handlers(handlers().with(name("slow"), brief)));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    node.stop().await.unwrap();
    assert_eq!(bench.task(task).await.status, TaskStatus::Successful);
    assert!(bench.store.nodes().await.unwrap()[0].last_heartbeat.is_none(), "it has said goodbye");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_takes_nothing_new() {
    let bench = Bench::new().await;
    let first = bench.start(bench.node("node-1"));
    let slow = bench.launch("slow").await;
    bench.until(slow, TaskStatus::Running).await;
    first.shutdown.cancel();
    sleep(Duration::from_secs(1)).await;
    let late = bench.launch("quick").await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.task(late).await.status, TaskStatus::Pending, "nothing is sent to a node that stops");
    let second = bench.start(bench.node("node-2"));
    bench.until(late, TaskStatus::Successful).await;
    assert_eq!(bench.task(slow).await.status, TaskStatus::Running, "the first is not gone yet");
    first.ended.await.unwrap().unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_node_that_stops_has_not_taken_up_runs_elsewhere_at_once() {
    let bench = Bench::new().await;
    let options = Options { pool: PoolBounds { least: 1, most: 1 }, ..Options::default() };
    let first = bench.start(bench.node("node-1").options(options));
    let slow = bench.launch("slow").await;
    bench.until(slow, TaskStatus::Running).await;
    let waits = bench.launch("quick").await;
    bench.until(waits, TaskStatus::Waiting).await;
    let second = bench.start(bench.node("node-2"));
    first.shutdown.cancel();
    bench.until(waits, TaskStatus::Successful).await;
    assert_eq!(bench.task(slow).await.status, TaskStatus::Running, "the first is not gone yet");
    first.ended.await.unwrap().unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_no_worker_gets_no_task_whatever_capacity_its_instance_has() {
    let bench = Bench::new().await;
    let passes = Roles { worker: false, ..Roles::ALL };
    let scheduler = bench.start(bench.node("node-1").roles(passes));
    let task = bench.launch("quick").await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.task(task).await.status, TaskStatus::Pending);
    let worker = bench.start(bench.node("node-2"));
    bench.until(task, TaskStatus::Successful).await;
    scheduler.stop().await.unwrap();
    let again = bench.start(bench.node("node-1"));
    worker.stop().await.unwrap();
    let task = bench.launch("quick").await;
    bench.until(task, TaskStatus::Successful).await;
    again.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_what_may_run_again_is_handed_back_and_the_rest_canceled() {
    let bench = Bench::new().await;
    let node = bench.start(bench.node("node-1"));
    let (slow, again) = (bench.launch("slow").await, bench.launch("again").await);
    bench.until(slow, TaskStatus::Running).await;
    bench.until(again, TaskStatus::Running).await;
    let began = Instant::now();
    node.stop().await.unwrap();
    assert!(began.elapsed() >= Options::default().stop_grace);
    let canceled = bench.task(slow).await;
    assert_eq!(canceled.status, TaskStatus::Canceled);
    assert_eq!(canceled.explanation, "its node stopped before it was done");
    assert!(!bench.task(again).await.status.is_finished(), "another may run it");
    let second = bench.start(bench.node("node-2"));
    bench.until(again, TaskStatus::Running).await;
    second.stop().await.unwrap();
}

/// A node on a store that can be away.
async fn with_a_result_and_no_store(bench: &Bench) -> (Arc<Flaky>, crate::bench::Running, TaskId) {
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let brief = Handler::new(|_: Value, _| sleep(Duration::from_secs(5)));
    let node = Node::builder(Arc::<Flaky>::clone(&store), Arc::new(bench.broker.clone()))
        .hostname("node-1")
        .clock(Arc::<crate::bench::RuntimeClock>::clone(&bench.clock))
        .handlers(handlers().with(name("slow"), brief));
    let node = bench.start(node);
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    store.down.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(8)).await;
    (store, node, task)
}

#[tokio::test(start_paused = true)]
async fn a_result_is_tried_as_long_as_the_grace_of_the_stop_is_not_over() {
    let bench = Bench::new().await;
    let (store, node, task) = with_a_result_and_no_store(&bench).await;
    node.shutdown.cancel();
    sleep(Options::default().stop_grace - Duration::from_secs(6)).await;
    store.down.store(false, Ordering::Relaxed);
    node.ended.await.unwrap().unwrap();
    assert_eq!(bench.task(task).await.status, TaskStatus::Successful);
}

#[tokio::test(start_paused = true)]
async fn a_node_stops_within_its_grace_and_little_more_though_the_store_is_away_or_frozen() {
    let most = Options::default().stop_grace + Duration::from_secs(5);
    let bench = Bench::new().await;
    let (_store, node, _) = with_a_result_and_no_store(&bench).await;
    let began = Instant::now();
    node.stop().await.unwrap();
    assert!(began.elapsed() < most, "{:?}", began.elapsed());

    let bench = Bench::new().await;
    let (store, node, _) = with_a_result_and_no_store(&bench).await;
    store.frozen.store(true, Ordering::Relaxed);
    store.down.store(false, Ordering::Relaxed);
    let began = Instant::now();
    node.stop().await.unwrap();
    let most = most + Options::default().cut_off;
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_name_is_taken_stops_at_once_and_reports_nothing() {
    let bench = Bench::new().await;
    let node = bench.start(bench.node("node-1"));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    let taken = Instant::now();
    assert_eq!(bench.usurp("node-1").await, [task]);
    let ended = node.ended.await.unwrap();
    assert!(matches!(ended, Err(NodeError::Replaced { hostname }) if hostname == "node-1"));
    assert!(
        taken.elapsed() < Duration::from_millis(100),
        "the join wakes it, long before its next heartbeat"
    );
    assert_eq!(bench.task(task).await.status, TaskStatus::Failed);
}

#[tokio::test(start_paused = true)]
async fn r12_4_a_node_that_learns_by_a_claim_that_it_was_replaced_gives_the_message_back() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    store.deaf.store(true, Ordering::Relaxed);
    let options = Options { heartbeat: Duration::from_secs(10), ..Options::default() };
    let node = Node::builder(Arc::<Flaky>::clone(&store), Arc::new(bench.broker.clone()))
        .hostname("node-1")
        .handlers(handlers())
        .options(options);
    let old = bench.start(node);
    sleep(Duration::from_secs(2)).await;
    bench.usurp("node-1").await;
    let task = bench.launch("quick").await;
    bench.scheduler(Options::default()).schedule().await.unwrap();
    assert!(matches!(old.ended.await.unwrap(), Err(NodeError::Replaced { .. })));
    assert_eq!(bench.task(task).await.status, TaskStatus::Waiting);
    let instance = bench.task(task).await.node.unwrap();
    let mut successor = bench.broker.deliveries(instance, 10).await.unwrap();
    let message = timeout(Duration::from_secs(10), successor.next(10)).await.unwrap().unwrap();
    assert_eq!(message.iter().map(|message| message.task).collect::<Vec<_>>(), [task]);
}

#[tokio::test(start_paused = true)]
async fn r8_what_a_killed_node_ran_fails_and_what_waited_for_it_runs_elsewhere() {
    let bench = Bench::new().await;
    let first = bench.start(bench.node("node-1"));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    first.ended.abort();
    let waiting = bench.launch("quick").await;
    let second = bench.start(bench.node("node-2"));
    bench.until(waiting, TaskStatus::Successful).await;
    bench.until(task, TaskStatus::Failed).await;
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_under_an_unknown_name_is_told_the_remedy() {
    let bench = Bench::new().await;
    let ended = bench.start(bench.node("stranger")).ended.await.unwrap();
    let Err(NodeError::Join(why)) = ended else { panic!("it cannot join") };
    assert!(why.to_string().contains("define it"), "{why}");
}
