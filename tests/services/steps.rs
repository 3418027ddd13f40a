//! A node dies at each step of a task's way, on real servers: another takes over, and every task is accounted for (R12.4).

use control_plane::ports::TaskStatus;
use scheduler_core::TaskId;
use testkit::simulation::Side::{After, Before};
use testkit::simulation::{Side, Step};
use tokio::task::JoinSet;

use crate::cluster::Cluster;

/// How many tasks are launched.
const TASKS: usize = 12;

/// A node is there before the launch and dies at the step. Another one comes. Returns how many tasks ended otherwise than well.
async fn died(place: &'static str, side: Side) -> usize {
    let cluster = Cluster::new("steps").await;
    let doomed = cluster.node("node-a", Some(Step { place, side })).await;
    let launched: Vec<TaskId> = cluster.launch("quick", TASKS).await;
    doomed.death().await;
    let heir = cluster.node("node-b", None).await;
    cluster.finished().await;
    heir.stop().await;
    let tasks = cluster.judge(&launched).await;
    assert_eq!(tasks.len(), TASKS);
    let unwell: Vec<_> = tasks.iter().filter(|task| task.status != TaskStatus::Successful).collect();
    for task in &unwell {
        assert_eq!(task.status, TaskStatus::Failed, "{place} {side:?}: {task:?}");
        assert!(!task.explanation.is_empty(), "{place} {side:?}: {task:?}");
    }
    unwell.len()
}

/// The same for several steps at once, since most of it is waiting for the heartbeat grace.
async fn all_died<const N: usize>(steps: [(&'static str, Side); N]) -> Vec<(&'static str, Side, usize)> {
    let mut died_there = JoinSet::new();
    for (place, side) in steps {
        died_there.spawn(async move { (place, side, died(place, side).await) });
    }
    died_there.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_4_a_node_that_dies_between_lock_and_claim_loses_nothing() {
    let steps = [
        ("begin", Before),
        ("begin", After),
        ("read", After),
        ("commit", Before),
        ("commit", After),
        ("unsent", After),
        ("publish", Before),
        ("claim", Before),
    ];
    for (place, side, unwell) in all_died(steps).await {
        assert_eq!(unwell, 0, "{place} {side:?}: what nobody had claimed is run by another");
    }
}

/// Once messages are under way the node's own worker may have claimed some of them when it dies: these fail, the others run
/// elsewhere, and [`died`] sees to it that each is one of the two.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_4_a_node_that_dies_between_publishing_and_settling_leaves_every_task_accounted_for() {
    let steps = [("publish", After), ("settle", Before), ("settle", After)];
    assert_eq!(all_died(steps).await.len(), steps.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r8_1_what_a_node_had_claimed_when_it_died_fails_and_runs_no_second_time() {
    let steps = [("claim", After), ("acknowledge", Before), ("report", Before)];
    for (place, side, unwell) in all_died(steps).await {
        assert!((1..=TASKS).contains(&unwell), "{place} {side:?}: {unwell} failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_4_what_a_node_had_reported_when_it_died_stands() {
    for (_, _, unwell) in all_died([("report", After)]).await {
        assert!(unwell < TASKS, "at least the first report was written");
    }
}
