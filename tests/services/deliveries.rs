//! Messages that come twice, late, or after their task was reaped; cancels that race with starts; handlers that panic.

use std::time::Duration;

use control_plane::definition::HandlerName;
use control_plane::ports::{Admin as _, Broker as _, CancelAnswer, Dispatch, Publication, Queue, TaskStatus};
use scheduler_core::{DispatchId, Kind, TaskId};
use testkit::servers::amqp_url;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, PATIENCE, broker};

/// Sends these dispatches to every worker once more, so many times.
async fn repeat(cluster: &Cluster, dispatches: &[(TaskId, DispatchId)], times: usize) {
    let dispatch = |&(task, dispatch): &(TaskId, DispatchId)| Dispatch {
        task,
        dispatch,
        kind: Kind::Job,
        handler: HandlerName::try_from("work").unwrap(),
        queue: Queue::Shared,
        trace: None,
    };
    let messages: Vec<Dispatch> = dispatches.iter().map(dispatch).collect();
    let broker = broker(&amqp_url(), &cluster.site);
    for _ in 0..times {
        let published = broker.publish(&messages).await.unwrap();
        assert!(published.iter().all(|published| *published == Publication::Confirmed), "{published:?}");
    }
}

/// Waits until so many handlers have begun.
async fn begun(cluster: &Cluster, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while cluster.book.runs() < count {
        assert!(Instant::now() < deadline, "{} of {count} have begun", cluster.book.runs());
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_4_a_message_that_comes_again_while_its_task_runs_or_after_it_ended_runs_nothing() {
    let cluster = Cluster::new("again").await;
    let nodes = [cluster.node("node-a", None).await, cluster.node("node-b", None).await];
    let launched = cluster.launch("slow", 20).await;
    begun(&cluster, 20).await;
    let dispatches = cluster.book.dispatches();
    repeat(&cluster, &dispatches, 3).await;
    cluster.finished().await;
    repeat(&cluster, &dispatches, 3).await;
    // A launch that is run afterwards shows that the repeated ones were taken, and came to nothing.
    let later = cluster.launch("quick", 5).await;
    cluster.finished().await;
    for node in nodes {
        node.stop().await;
    }
    assert_eq!(cluster.book.runs(), 25);
    let tasks = cluster.judge(&[launched, later].concat()).await;
    assert!(tasks.iter().all(|task| task.status == TaskStatus::Successful), "{tasks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_4_a_node_that_was_frozen_past_its_heartbeat_and_its_late_messages_run_nothing_twice() {
    let cluster = Cluster::new("frozen").await;
    let frozen = cluster.node("node-a", None).await;
    let mut launched = cluster.launch("slow", 10).await;
    begun(&cluster, 5).await;
    frozen.life.freeze(Duration::from_secs(8));
    launched.extend(cluster.launch("quick", 20).await);
    let other = cluster.node("node-b", None).await;
    cluster.finished().await;
    let before = cluster.book.dispatches();
    repeat(&cluster, &before, 2).await;
    sleep(Duration::from_secs(2)).await;
    frozen.stop().await;
    other.stop().await;
    let tasks = cluster.judge(&launched).await;
    let failed = tasks.iter().filter(|task| task.status == TaskStatus::Failed).count();
    assert!((1..=10).contains(&failed), "what the frozen node ran is given up: {failed}");
    assert!(
        tasks.iter().all(|task| matches!(task.status, TaskStatus::Failed | TaskStatus::Successful)),
        "{tasks:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_3_a_cancel_that_races_with_a_start_counts_or_comes_too_late() {
    let cluster = Cluster::new("cancel").await;
    let nodes = [cluster.node("node-a", None).await, cluster.node("node-b", None).await];
    let mut launched = Vec::new();
    let mut never_run = Vec::new();
    for round in 0..30 {
        let tasks = cluster.launch("quick", 4).await;
        sleep(Duration::from_millis(round)).await;
        let answers = cluster.store.cancel(&tasks[1..]).await.unwrap();
        let canceled = tasks[1..].iter().zip(answers).filter(|(_, answer)| *answer == CancelAnswer::Canceled);
        never_run.extend(canceled.map(|(task, _)| *task));
        launched.extend(tasks);
    }
    let tasks = cluster.finished().await;
    for node in nodes {
        node.stop().await;
    }
    let ran = cluster.book.dispatches();
    assert!(
        never_run.iter().all(|task| ran.iter().all(|(other, _)| other != task)),
        "what was canceled in time runs"
    );
    for task in &tasks {
        let canceled = task.status == TaskStatus::Canceled;
        assert!(canceled || task.status == TaskStatus::Successful, "{task:?}");
        assert!(task.cancel_requested || !canceled, "{task:?}");
    }
    cluster.judge(&launched).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn a_handler_that_panics_ends_its_task_and_nothing_else() {
    let cluster = Cluster::new("panic").await;
    let node = cluster.node("node-a", None).await;
    let panics = cluster.launch("panics", 3).await;
    let works = cluster.launch("quick", 3).await;
    cluster.finished().await;
    node.stop().await;
    let tasks = cluster.judge(&[panics.clone(), works].concat()).await;
    for task in tasks {
        let expected = if panics.contains(&task.id) { TaskStatus::Error } else { TaskStatus::Successful };
        assert_eq!(task.status, expected, "{task:?}");
        assert_eq!(task.explanation.contains("panicked"), panics.contains(&task.id), "{task:?}");
    }
}
