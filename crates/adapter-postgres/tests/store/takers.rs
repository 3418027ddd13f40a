//! Tasks whose taker is not where the pass placed them: rows that another program, or a person, has left so.

use control_plane::ports::{
    Admin as _, CancelAnswer, Joining, Members as _, Membership, Order, Outbox as _, Passes as _, TaskStatus,
    Work as _,
};
use scheduler_core::{DispatchId, NodeType, TaskId, plan};

use crate::base::Base;

async fn join(base: &Base, hostname: &str) -> Membership {
    let node = Joining {
        hostname: hostname.into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: "1".into(),
    };
    base.store.join(&node).await.unwrap().member
}

async fn pass(base: &Base) {
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &decided).await.unwrap();
}

/// A task that was placed on `a` and taken by `b`, which no claim allows.
async fn stolen(base: &Base, thief: Membership) -> (TaskId, DispatchId) {
    base.run("UPDATE {s}.instance SET enabled = (hostname = 'a')").await;
    let task = *base.jobs(1).await.first().unwrap();
    pass(base).await;
    base.run("UPDATE {s}.instance SET enabled = true").await;
    let batch = base.store.unsent(1).await.unwrap();
    let dispatch = batch.messages().first().unwrap().dispatch.dispatch;
    drop(batch);
    let (id, by, life) = (task.get(), thief.instance, thief.incarnation.0);
    let taken = format!(
        "UPDATE {{s}}.task SET status = 'running', started = now(), taken_by = {by}, incarnation = {life} WHERE id = {id}"
    );
    base.run(&taken).await;
    (task, dispatch)
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r8_1_a_task_is_lost_with_its_taker_wherever_it_was_placed() {
    let base = Base::new().await;
    let (a, b) = (join(&base, "a").await, join(&base, "b").await);
    let (task, _) = stolen(&base, b).await;
    base.store.leave(a).await.unwrap();
    pass(&base).await;
    let status = || async { base.store.task(task).await.unwrap().unwrap().status };
    assert_eq!(status().await, TaskStatus::Running, "it does not run where it was placed");
    base.store.leave(b).await.unwrap();
    pass(&base).await;
    assert_eq!(status().await, TaskStatus::Failed);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r8_3_a_request_to_cancel_reaches_the_taker_or_ends_with_it() {
    let base = Base::new().await;
    let (_a, b) = (join(&base, "a").await, join(&base, "b").await);
    let (task, dispatch) = stolen(&base, b).await;
    assert_eq!(base.store.cancel(&[task]).await.unwrap(), [CancelAnswer::Requested]);
    assert_eq!(base.store.orders(&[(task, dispatch)]).await.unwrap(), [(task, Order::Cancel)]);
    base.store.leave(b).await.unwrap();
    pass(&base).await;
    assert_eq!(base.store.task(task).await.unwrap().unwrap().status, TaskStatus::Failed);
    base.end().await;
}
