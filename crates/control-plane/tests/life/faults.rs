//! A store behind a bad connection, messages that come twice, nodes that are full: nothing is lost, and nothing runs twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use control_plane::definition::{CommandPayload, Run};
use control_plane::ports::{
    Admin as _, Broker as _, Dispatch, Ended, Launch, Launchable, Outbox as _, Output, Queue, Report,
    TaskStatus, Verdict, Work as _,
};
use control_plane::{Handler, Node, NodeBuilder, Options, PoolBounds};
use scheduler_core::Outcome;
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, handlers, name};
use crate::flaky::Flaky;

/// A node on a flaky store, whose handler `quick` counts how often it runs.
fn node(bench: &Bench, store: &Arc<Flaky>, runs: &Arc<AtomicU32>) -> NodeBuilder {
    let runs = Arc::clone(runs);
    let counting = Handler::new(move |_: Value, _| {
        runs.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(50))
    });
    Node::builder(Arc::<Flaky>::clone(store), Arc::new(bench.broker.clone()))
        .hostname("node-1")
        .clock(Arc::<crate::bench::RuntimeClock>::clone(&bench.clock))
        .handlers(handlers().with(name("quick"), counting))
}

fn jobs(count: usize) -> Vec<Launch> {
    vec![Launch::of(Launchable::JobTemplate("quick".into())); count]
}

#[tokio::test(start_paused = true)]
async fn r12_4_answers_that_are_lost_lose_no_task_and_run_none_twice() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    store.lost_claims.store(3, Ordering::Relaxed);
    store.lost_reports.store(3, Ordering::Relaxed);
    store.lost_passes.store(3, Ordering::Relaxed);
    let runs = Arc::default();
    let node = bench.start(node(&bench, &store, &runs));
    let tasks = bench.launch_all(&jobs(30)).await;
    for task in tasks {
        bench.until(task, TaskStatus::Successful).await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 30);
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r12_2_the_period_alone_is_enough() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    store.deaf.store(true, Ordering::Relaxed);
    let node = bench.start(node(&bench, &store, &Arc::default()));
    sleep(Duration::from_secs(1)).await;
    let quick = bench.launch("deploy").await;
    let slow = bench.launch("slow").await;
    bench.until(quick, TaskStatus::Successful).await;
    bench.until(slow, TaskStatus::Running).await;
    bench.store.cancel(&[slow]).await.unwrap();
    bench.until(slow, TaskStatus::Canceled).await;
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r12_4_a_message_that_comes_twice_or_late_runs_nothing() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let runs = Arc::default();
    let member =
        bench.store.nodes().await.unwrap().into_iter().find(|node| node.hostname == "node-1").unwrap();
    let node = bench.start(node(&bench, &store, &runs));
    sleep(Duration::from_secs(1)).await;
    let task = bench.launch("quick").await;
    bench.until(task, TaskStatus::Running).await;
    // Dispatches are numbered from 1, so one of these is its own.
    let copies: Vec<Dispatch> = (0..10)
        .map(|id| Dispatch {
            task,
            dispatch: id.into(),
            kind: scheduler_core::Kind::Job,
            handler: name("quick"),
            queue: Queue::Node(member.id),
            trace: None,
        })
        .collect();
    bench.broker.publish(&copies).await.unwrap();
    bench.until(task, TaskStatus::Successful).await;
    bench.broker.publish(&copies).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert!(bench.store.unsent(1).await.unwrap().messages().is_empty());
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_refused_is_written_without_its_output_and_holds_up_no_other() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    store.refuses_output.store(true, Ordering::Relaxed);
    let prints = Handler::new(|_: Value, _| async {
        let output = Some(Output { text: "much".into(), truncated: false });
        Ended { output, ..Ended::because(Outcome::Failed, "broken") }
    });
    let node =
        bench.start(node(&bench, &store, &Arc::default()).handlers(handlers().with(name("panics"), prints)));
    let printing = bench.launch("panics").await;
    let others = bench.launch_all(&jobs(10)).await;
    for task in others {
        bench.until(task, TaskStatus::Successful).await;
    }
    let failed = bench.until(printing, TaskStatus::Failed).await;
    assert_eq!(failed.explanation, "broken (the store refused the output)");
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_result_whose_words_are_refused_is_written_with_fixed_ones() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    store.refuses_explanations.store(true, Ordering::Relaxed);
    let node = bench.start(node(&bench, &store, &Arc::default()));
    let panics = bench.launch("panics").await;
    let error = bench.until(panics, TaskStatus::Error).await;
    assert_eq!(error.explanation, "the store refused what its node reported of it");
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bare_outcome_that_is_refused_is_tried_until_it_is_taken_and_holds_up_no_other() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let node = bench.start(node(&bench, &store, &Arc::default()));
    let others = bench.launch_all(&jobs(5)).await;
    let bad = bench.launch_all(&jobs(40)).await;
    store.refuses_from.store(bad[0].get(), Ordering::Relaxed);
    for task in others {
        bench.until(task, TaskStatus::Successful).await;
    }
    sleep(Duration::from_secs(600)).await;
    let tries = store.refused.load(Ordering::Relaxed) - 3 * 40;
    assert!((100..1000).contains(&tries), "again and again, and ever more seldom: {tries}");
    assert_eq!(bench.task(bad[0]).await.status, TaskStatus::Running);
    store.refuses_from.store(i64::MAX, Ordering::Relaxed);
    for task in bad {
        bench.until(task, TaskStatus::Successful).await;
    }
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_row_that_somebody_keeps_holds_up_no_other_claim_or_result() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let node = bench.start(node(&bench, &store, &Arc::default()));
    let tasks = bench.launch_all(&jobs(40)).await;
    store.kept.store(tasks[7].get(), Ordering::Relaxed);
    for &task in tasks.iter().filter(|&&task| task != tasks[7]) {
        bench.until(task, TaskStatus::Successful).await;
    }
    assert!(!bench.task(tasks[7]).await.status.is_finished(), "its row is kept");
    store.kept.store(i64::MAX, Ordering::Relaxed);
    bench.until(tasks[7], TaskStatus::Successful).await;
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_outcome_is_forgotten_once_its_task_is_not_ours_any_more() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let node = bench.start(node(&bench, &store, &Arc::default()));
    let bad = bench.launch("quick").await;
    store.refuses_from.store(bad.get(), Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.task(bad).await.status, TaskStatus::Running);
    // Somebody has reported it: here the test itself, past the node's bad connection. Dispatches are numbered from 1.
    let verdict = Verdict::Ended(Ended::of(Outcome::Failed));
    let report = |id: i64| Report { task: bad, dispatch: id.into(), verdict: verdict.clone() };
    bench.store.report(&(0..10).map(report).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(bench.task(bad).await.status, TaskStatus::Failed);
    sleep(Duration::from_secs(40)).await;
    let tries = store.refused.load(Ordering::Relaxed);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(store.refused.load(Ordering::Relaxed), tries, "nobody tries it any more");
    let began = tokio::time::Instant::now();
    node.stop().await.unwrap();
    assert!(began.elapsed() < Options::default().flush_limit, "nothing is left to write");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_asked_again() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let runs = Arc::default();
    let node = bench.start(node(&bench, &store, &runs));
    let task = bench.launch("quick").await;
    store.frozen.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(5)).await;
    store.frozen.store(false, Ordering::Relaxed);
    bench.until(task, TaskStatus::Successful).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r12_4_a_claim_whose_answer_was_lost_as_the_node_stops_is_handed_back() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let runs = Arc::default();
    let first = bench.start(node(&bench, &store, &runs));
    sleep(Duration::from_secs(10)).await;
    store.lost_claims.store(1, Ordering::Relaxed);
    let task = bench.launch("quick").await;
    bench.until(task, TaskStatus::Running).await;
    assert_eq!(runs.load(Ordering::Relaxed), 0, "the node does not know it yet");
    first.stop().await.unwrap();
    assert_eq!(bench.task(task).await.status, TaskStatus::Pending);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    let second = bench.start(bench.node("node-2"));
    bench.until(task, TaskStatus::Successful).await;
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_is_claimed_than_can_run_at_once() {
    let bench = Bench::new().await;
    let store = Arc::new(Flaky::new(bench.store.clone()));
    let runs = Arc::default();
    let options = Options { pool: PoolBounds { least: 0, most: 3 }, ..Options::default() };
    let node = bench.start(node(&bench, &store, &runs).options(options));
    let tasks = bench.launch_all(&vec![Launch::of(Launchable::JobTemplate("slow".into())); 8]).await;
    sleep(Duration::from_secs(15)).await;
    let mut running = 0;
    for task in &tasks {
        running += u32::from(bench.task(*task).await.status == TaskStatus::Running);
    }
    assert_eq!(running, 3, "the others wait, where a pass can take them back");
    bench.store.cancel(&tasks).await.unwrap();
    bench.until_quiet().await;
    let quick = bench.launch("quick").await;
    bench.until(quick, TaskStatus::Successful).await;
    node.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_of_a_launch_runs_where_handlers_allow_it() {
    let bench = Bench::new().await;
    let without = handlers().without(&name("command"));
    let node = bench.start(bench.node("node-1").handlers(without));
    let run = Run::command(CommandPayload { argv: vec!["true".into()], ..CommandPayload::default() });
    let command =
        Launchable::AdHocCommand { inventory: "production".into(), run, groups: Vec::new(), forks: None };
    let task = bench.launch_all(&[Launch::of(command)]).await[0];
    let refused = bench.until(task, TaskStatus::Error).await;
    assert!(
        refused.explanation.starts_with("this node has no handler \"command\""),
        "{}",
        refused.explanation
    );
    node.stop().await.unwrap();
}
