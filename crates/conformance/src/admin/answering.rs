//! The word of people: approvals and cancels.

use std::time::Duration;

use control_plane::ports::{Answer, Answered, CancelAnswer, Commit, TaskStatus};
use scheduler_core::{Outcome, TaskId};
use serde_json::{Value, json};

use super::{Subject, World};
use crate::cluster::{template, workflow};
use crate::flow::{begun, node};

fn asking() -> Value {
    json!([
        { "name": "sure", "starts": { "approval": {} }, "on_success": ["go"], "on_failure": ["stay"] },
        node("go", json!({})),
        { "name": "stay", "starts": { "template": "alone" } },
    ])
}

pub(super) async fn r7_an_approval_that_is_given_goes_on(subject: Subject) {
    let (world, flow) = begun(subject, asking()).await;
    let approval = world.job_of(flow, TaskStatus::Running).await;
    assert_eq!(world.port.answer(approval, Answer::Approve).await.unwrap(), Answered::Recorded);
    assert_eq!(world.status(approval).await, TaskStatus::Successful);
    assert_eq!(world.port.answer(approval, Answer::Deny).await.unwrap(), Answered::NotWaiting);
    world.passes().await;
    let next = world.job_of(flow, TaskStatus::Waiting).await;
    assert_eq!(world.view(next).await.name, "deploy");
}

pub(super) async fn r7_an_approval_that_is_denied_fails(subject: Subject) {
    let (world, flow) = begun(subject, asking()).await;
    let approval = world.job_of(flow, TaskStatus::Running).await;
    assert_eq!(world.port.answer(approval, Answer::Deny).await.unwrap(), Answered::Recorded);
    assert_eq!(world.status(approval).await, TaskStatus::Failed);
    world.passes().await;
    let next = world.job_of(flow, TaskStatus::Waiting).await;
    assert_eq!(world.view(next).await.name, "alone");
}

pub(super) async fn an_answer_needs_an_approval_that_waits(subject: Subject) {
    let world = World::with(subject, &[json!({ "workflow": [{ "name": "flow", "node": asking() }] })]).await;
    let flow = world.launch(workflow("flow")).await;
    let job = world.launch(template("deploy")).await;
    let answer = async |id| world.port.answer(id, Answer::Approve).await.unwrap();
    assert_eq!(answer(TaskId::new(4711)).await, Answered::Unknown);
    assert_eq!(answer(flow).await, Answered::NotWaiting);
    world.pass().await;
    world.pass().await;
    let approval = world.job_of(flow, TaskStatus::Pending).await;
    assert_eq!(answer(approval).await, Answered::NotWaiting, "pending still");
    assert_eq!(answer(job).await, Answered::NotWaiting);
    world.passes().await;
    assert_eq!(answer(approval).await, Answered::Recorded);
}

pub(super) async fn r12_3_an_approval_that_was_given_before_its_end_is_written_stands(subject: Subject) {
    let ask = json!({ "workflow": [{ "name": "ask", "node": [
        { "name": "sure", "starts": { "approval": { "timeout": 1 } } },
    ]}]});
    let world = World::with(subject, &[ask]).await;
    let ask = world.launch(workflow("ask")).await;
    world.passes().await;
    let approval = world.job_of(ask, TaskStatus::Running).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let open = world.open().await;
    assert!(open.plan.decision(approval).unwrap().action.end().is_some(), "it has expired");
    assert_eq!(world.port.answer(approval, Answer::Approve).await.unwrap(), Answered::Recorded);
    assert!(matches!(open.commit().await, Commit::Stale { .. }));
    assert_eq!(world.status(approval).await, TaskStatus::Successful);
}

pub(super) async fn cancels_are_answered_in_the_order_of_the_questions(subject: Subject) {
    let world = World::new(subject).await;
    let (done, _) = world.dispatched("deploy").await;
    world.finish(done, Outcome::Successful).await;
    let (running, _) = world.dispatched("deploy").await;
    world.take_up(running).await;
    let (waiting, _) = world.dispatched("deploy").await;
    let pending = world.launch(template("deploy")).await;
    let release = world.launch(workflow("release")).await;
    let answers =
        world.port.cancel(&[TaskId::new(4711), done, running, waiting, pending, release]).await.unwrap();
    assert_eq!(
        answers,
        [
            CancelAnswer::Unknown,
            CancelAnswer::AlreadyFinished,
            CancelAnswer::Requested,
            CancelAnswer::Canceled,
            CancelAnswer::Requested,
            CancelAnswer::Requested,
        ]
    );
    let again = world.port.cancel(&[running, waiting]).await.unwrap();
    assert_eq!(again, [CancelAnswer::Requested, CancelAnswer::AlreadyFinished]);
    world.pass().await;
    assert_eq!(world.status(pending).await, TaskStatus::Canceled);
    assert_eq!(world.status(release).await, TaskStatus::Canceled);
}
