//! Rows that somebody keeps in a transaction of theirs: a pass writes its plan without them, and without what rests on them (R12.3).

use std::sync::Arc;

use control_plane::ports::{Admin as _, TaskStatus};
use control_plane::{Options, Scheduled, Scheduler};
use scheduler_core::TaskId;
use tokio::time::timeout;

use crate::base::Base;
use crate::patience::{SOON, join, keeping, pass};

/// How a task stands.
async fn status(base: &Base, task: TaskId) -> TaskStatus {
    base.store.task(task).await.unwrap().unwrap().status
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_3_a_row_that_somebody_keeps_holds_no_other_start() {
    let base = Base::new().await;
    let jobs = base.jobs(3).await;
    join(&base.store, "a").await;
    let other =
        keeping(&base, &format!("SELECT FROM {{s}}.task WHERE id = {} FOR UPDATE", jobs[1].get())).await;
    assert_eq!(timeout(SOON, pass(&base)).await.expect("others start"), 2);
    assert_eq!(base.store.task(jobs[1]).await.unwrap().unwrap().status, TaskStatus::Pending);
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(pass(&base).await, 1);
    base.end().await;
}

/// A running workflow whose one node would start a job.
async fn workflow(base: &Base) -> TaskId {
    let words = "INSERT INTO {s}.task (kind, name, status, started) VALUES ('workflow_job', 'w', 'running', now()) RETURNING id";
    let id: i64 = base.sql.query_one(&words.replace("{s}", &base.schema), &[]).await.unwrap().get(0);
    let node = format!(
        "INSERT INTO {{s}}.node (workflow_id, node_id, name, starts_id)
            SELECT {id}, 1, 'n', id FROM {{s}}.launchable WHERE name = 'job'"
    );
    base.run(&node).await;
    TaskId::new(id)
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r7_a_node_of_a_graph_that_somebody_keeps_holds_no_other_start() {
    let base = Base::new().await;
    join(&base.store, "a").await;
    let (kept, free) = (workflow(&base).await, workflow(&base).await);
    base.jobs(1).await;
    let other =
        keeping(&base, &format!("SELECT FROM {{s}}.node WHERE workflow_id = {} FOR UPDATE", kept.get()))
            .await;
    assert_eq!(timeout(SOON, pass(&base)).await.expect("others start"), 1);
    let made = |of: TaskId| format!("SELECT count(*) FROM {{s}}.task WHERE workflow_id = {}", of.get());
    assert_eq!((base.ask(&made(kept)).await.as_str(), base.ask(&made(free)).await.as_str()), ("0", "1"));
    other.batch_execute("COMMIT").await.unwrap();
    pass(&base).await;
    assert_eq!(base.ask(&made(kept)).await, "1");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r10_a_held_task_that_somebody_keeps_holds_no_other_start() {
    let base = Base::new().await;
    join(&base.store, "a").await;
    let held = base.jobs(1).await[0];
    base.run("UPDATE {s}.task SET groups = '{987654}'").await;
    let free = base.jobs(1).await[0];
    let other = keeping(&base, &format!("SELECT FROM {{s}}.task WHERE id = {} FOR UPDATE", held.get())).await;
    assert_eq!(timeout(SOON, pass(&base)).await.expect("the other starts"), 1);
    assert_eq!(base.store.task(free).await.unwrap().unwrap().status, TaskStatus::Waiting);
    other.batch_execute("COMMIT").await.unwrap();
    pass(&base).await;
    assert!(base.store.task(held).await.unwrap().unwrap().hold.is_some(), "why is stored by the next pass");
    base.end().await;
}

/// Two instances, of which "b" has been silent for too long.
async fn with_a_lost_one(base: &Base) {
    join(&base.store, "a").await;
    join(&base.store, "b").await;
    base.run("UPDATE {s}.instance SET last_heartbeat = now() - interval '1 hour' WHERE hostname = 'b'").await;
}

/// Dispatches a task to "b", and lets it run there if that is said.
async fn on_the_lost_one(base: &Base, task: TaskId, runs: bool) {
    let id = task.get();
    base.run(&format!(
        "UPDATE {{s}}.task t SET status = 'waiting', dispatch_id = nextval('{{s}}.dispatch_id'), dispatched = now(),
            group_id = g.id, node_id = i.id
        FROM {{s}}.instance i, {{s}}.instance_group g WHERE t.id = {id} AND i.hostname = 'b' AND g.name = 'default'"
    ))
    .await;
    if runs {
        base.run(&format!("UPDATE {{s}}.task SET status = 'running', started = now() WHERE id = {id}")).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_3_a_row_that_must_end_and_that_somebody_keeps_holds_no_other_start() {
    let base = Base::new().await;
    with_a_lost_one(&base).await;
    let ending = base.jobs(3).await;
    let &[reaped, canceled, taken_back] = ending.as_slice() else { panic!() };
    on_the_lost_one(&base, reaped, true).await;
    on_the_lost_one(&base, taken_back, false).await;
    base.run(&format!("UPDATE {{s}}.task SET cancel_requested = true WHERE id = {}", canceled.get())).await;
    base.jobs(4).await;
    let other = keeping(&base, "SELECT FROM {s}.task WHERE id <= 3 FOR UPDATE").await;
    assert_eq!(timeout(SOON, pass(&base)).await.expect("others start"), 4);
    let kept = [TaskStatus::Running, TaskStatus::Pending, TaskStatus::Waiting];
    for (task, status_before) in ending.iter().zip(kept) {
        assert_eq!(status(&base, *task).await, status_before);
    }
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(pass(&base).await, 1, "the dispatch that was lost is replaced");
    assert_eq!(status(&base, reaped).await, TaskStatus::Failed);
    assert_eq!(status(&base, canceled).await, TaskStatus::Canceled);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r5_r7_what_rests_on_an_end_that_somebody_keeps_waits_for_it() {
    let base = Base::new().await;
    with_a_lost_one(&base).await;
    let tasks = base.jobs(3).await;
    let &[reaped, follows, last] = tasks.as_slice() else { panic!() };
    on_the_lost_one(&base, reaped, true).await;
    for (task, on) in [(follows, reaped), (last, follows)] {
        let (task, on) = (task.get(), on.get());
        base.run(&format!("UPDATE {{s}}.task SET dependencies = ARRAY[{on}]::bigint[] WHERE id = {task}"))
            .await;
    }
    // The workflow of the reaped job ends with it, and the one above with that.
    let (inner, outer) = (workflow(&base).await, workflow(&base).await);
    for (workflow, job) in [(inner, reaped), (outer, inner)] {
        let (workflow, job) = (workflow.get(), job.get());
        base.run(&format!(
            "UPDATE {{s}}.node SET progress = 'job', job_id = {job} WHERE workflow_id = {workflow}"
        ))
        .await;
    }
    base.jobs(2).await;
    let kept = format!("SELECT FROM {{s}}.task WHERE id = {} FOR UPDATE", reaped.get());
    let other = keeping(&base, &kept).await;
    assert_eq!(timeout(SOON, pass(&base)).await.expect("others start"), 2);
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task WHERE finished IS NOT NULL").await, "0");
    other.batch_execute("COMMIT").await.unwrap();
    pass(&base).await;
    for task in [reaped, follows, last, inner, outer] {
        assert_eq!(status(&base, task).await, TaskStatus::Failed);
    }
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r7_a_node_of_a_workflow_that_must_end_and_that_somebody_keeps_holds_no_other_start() {
    let base = Base::new().await;
    join(&base.store, "a").await;
    let workflow = workflow(&base).await;
    let job = base.jobs(1).await[0].get();
    let id = workflow.get();
    // Its first node has failed, so that the second is skipped and it ends.
    base.run(&format!(
        "UPDATE {{s}}.task SET status = 'failed', finished = now() WHERE id = {job};
        UPDATE {{s}}.node SET progress = 'job', job_id = {job}, on_success = '{{2}}' WHERE workflow_id = {id};
        INSERT INTO {{s}}.node (workflow_id, node_id, name, starts_id)
            SELECT {id}, 2, 'n', id FROM {{s}}.launchable WHERE name = 'job'"
    ))
    .await;
    base.jobs(2).await;
    let other = keeping(&base, "SELECT FROM {s}.node WHERE node_id = 2 FOR UPDATE").await;
    assert_eq!(timeout(SOON, pass(&base)).await.expect("others start"), 2);
    assert_eq!(status(&base, workflow).await, TaskStatus::Running);
    other.batch_execute("COMMIT").await.unwrap();
    pass(&base).await;
    assert_eq!(status(&base, workflow).await, TaskStatus::Failed);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r9_what_somebody_keeps_does_not_make_passes_follow_each_other() {
    let base = Base::new().await;
    with_a_lost_one(&base).await;
    let reaped = base.jobs(1).await[0];
    on_the_lost_one(&base, reaped, true).await;
    base.jobs(2).await;
    let other = keeping(&base, "SELECT FROM {s}.task WHERE id = 1 FOR UPDATE").await;
    let scheduler = Scheduler::new(Arc::new(base.store.clone()), Options::default());
    let Scheduled::Ran(report) = timeout(SOON, scheduler.schedule()).await.unwrap().unwrap() else {
        panic!()
    };
    assert_eq!((report.passes, report.starts, report.ends, report.more), (2, 2, 0, false), "{report:?}");
    assert_eq!((report.kept, report.stale), (2, 0), "once by each pass");
    drop(other);
    base.end().await;
}
