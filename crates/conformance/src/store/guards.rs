//! What changes between the snapshot and the commit is never overwritten (R12.3).

use control_plane::ports::{
    CancelAnswer, Claimed, Commit, Ended, Launch, Reported, SkippedStart, TaskStatus, Verdict,
};
use scheduler_core::{Action, Outcome, State};
use serde_json::json;

use crate::cluster::{template, workflow};
use crate::world::{Subject, World, a_moment, seen};

pub(super) async fn r12_3_a_start_that_was_canceled_meanwhile_is_left_out(subject: Subject) {
    let world = World::new(subject).await;
    let canceled = world.launch(template("deploy")).await;
    let other = world.launch(template("deploy")).await;
    let open = world.open().await;
    assert_eq!(open.plan.starts().count(), 2);
    assert_eq!(world.stage.cancel(&[canceled]).await.unwrap(), [CancelAnswer::Requested]);
    let done = open.written().await;
    assert_eq!(done.skipped, [SkippedStart { task: canceled }]);
    assert_eq!(done.dispatched, 1);
    assert_eq!(world.message().await.task, other);
    let view = world.view(canceled).await;
    assert_eq!((view.status, view.cancel_requested), (TaskStatus::Pending, true));
    world.pass().await;
    assert_eq!(world.status(canceled).await, TaskStatus::Canceled);
}

pub(super) async fn r12_3_a_launch_meanwhile_is_left_alone(subject: Subject) {
    let world = World::new(subject).await;
    world.launch(template("deploy")).await;
    let open = world.open().await;
    let late = world.launch(template("deploy")).await;
    assert_eq!(open.written().await.dispatched, 1);
    assert_eq!(world.status(late).await, TaskStatus::Pending);
    assert_eq!(world.pass().await.done.dispatched, 1);
}

pub(super) async fn r12_3_a_report_before_the_reap_is_written_makes_the_plan_stale(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("on-b")).await;
    world.pass().await;
    let dispatch = world.dispatch(task).await;
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    world.store.leave(world.b).await.unwrap();
    let other = world.launch(template("deploy")).await;
    world.relay().await;

    let open = world.open().await;
    assert!(open.plan.decision(task).unwrap().action.end().is_some(), "its instance is lost");
    assert_eq!(open.plan.starts().count(), 1);
    let verdict = Verdict::Ended(Ended::of(Outcome::Successful));
    assert_eq!(world.report(task, dispatch, verdict).await, Reported::Written);
    assert_eq!(open.commit().await, Commit::Stale { task });
    assert_eq!(world.status(task).await, TaskStatus::Successful, "the report stands");
    assert_eq!(world.status(other).await, TaskStatus::Pending, "nothing else is written");
    assert_eq!(world.relay().await, []);
    assert_eq!(world.pass().await.done.dispatched, 1, "the next plan is made anew");
}

pub(super) async fn r12_3_a_claim_before_the_taking_back_is_written_makes_the_plan_stale(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("on-b")).await;
    world.pass().await;
    let dispatch = world.dispatch(task).await;
    world.store.leave(world.b).await.unwrap();
    let open = world.open().await;
    assert!(matches!(open.plan.decision(task).unwrap().action, Action::TakeBack(_)));
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    assert_eq!(open.commit().await, Commit::Stale { task });
    assert_eq!(world.status(task).await, TaskStatus::Running);
}

pub(super) async fn r12_3_a_cancel_before_an_end_is_written_makes_the_plan_stale(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.launch(template("deploy")).await;
    let task = world.launch(Launch { dependencies: vec![first], ..template("deploy") }).await;
    world.passes().await;
    world.finish(first, Outcome::Failed).await;
    let open = world.open().await;
    assert!(open.plan.decision(task).unwrap().action.end().is_some());
    world.stage.cancel(&[task]).await.unwrap();
    assert_eq!(open.commit().await, Commit::Stale { task });
    assert_eq!(world.status(task).await, TaskStatus::Pending);
    world.pass().await;
    assert!(world.status(task).await.is_finished());
}

pub(super) async fn r12_3_a_claim_before_a_new_dispatch_is_written_leaves_that_out(subject: Subject) {
    let rules = json!({ "rules": { "default_groups": ["default"], "dispatch_grace": 0 } });
    let world = World::with(subject, &[rules]).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    let dispatch = world.message().await.dispatch;
    a_moment().await;
    let open = world.open().await;
    assert_eq!(open.plan.decision(task).unwrap().action, Action::Redispatch(dispatch));
    assert!(matches!(world.claim(world.a, task, dispatch).await, Claimed::Run(_)));
    let done = open.written().await;
    assert_eq!((done.skipped.as_slice(), done.dispatched), ([SkippedStart { task }].as_slice(), 0));
    assert_eq!(world.status(task).await, TaskStatus::Running);
    assert_eq!(world.relay().await, []);
    let verdict = Verdict::Ended(Ended::of(Outcome::Successful));
    assert_eq!(world.report(task, dispatch, verdict).await, Reported::Written, "its fence is the old one");
}

pub(super) async fn r12_3_an_update_is_left_out_when_the_task_that_asks_for_it_changed(subject: Subject) {
    let world = World::new(subject).await;
    let canceled = world.launch(template("build")).await;
    let other = world.launch(template("build")).await;
    let open = world.open().await;
    assert_eq!((open.plan.creates.len(), open.plan.derived.len()), (1, 2), "one update serves both");
    world.stage.cancel(&[canceled]).await.unwrap();
    let done = open.written().await;
    assert_eq!(done.created, [None]);

    // Nobody may think that the other's dependencies are derived, since the link to its update is lost.
    let next = world.open().await;
    assert!(!seen(&next.reading, other).dependencies_derived);
    assert!(seen(&next.reading, other).dependencies.is_empty());
    let done = next.written().await;
    let update = done.created.first().copied().flatten().unwrap();
    let reading = world.store.read().await.unwrap();
    assert_eq!(seen(&reading, other).dependencies.as_slice(), [update]);
    assert_eq!(world.status(other).await, TaskStatus::Pending);
    assert_eq!(world.status(canceled).await, TaskStatus::Canceled);
}

pub(super) async fn r12_3_a_chain_of_updates_is_left_out_together(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("survey")).await;
    let open = world.open().await;
    assert_eq!(open.plan.creates.len(), 2, "the inventory update and the project update that it needs");
    world.stage.cancel(&[task]).await.unwrap();
    assert_eq!(open.written().await.created, [None, None]);
    world.passes().await;
    assert_eq!(world.status(task).await, TaskStatus::Canceled);
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, [], "nothing was created for nobody");
}

pub(super) async fn r12_3_a_new_update_whose_own_update_is_left_out_is_derived_for_again(subject: Subject) {
    let world = World::new(subject).await;
    // The first asks for the update of the project; the second's new inventory update needs it too.
    let canceled = world.launch(template("build")).await;
    let other = world.launch(template("survey")).await;
    let open = world.open().await;
    assert_eq!(open.plan.creates.len(), 2);
    world.stage.cancel(&[canceled]).await.unwrap();
    let done = open.written().await;
    let created: Vec<_> = done.created.iter().flatten().copied().collect();
    assert_eq!(created.len(), 1, "the inventory update is for the other: {:?}", done.created);
    let inventory_update = *created.first().unwrap();
    let reading = world.store.read().await.unwrap();
    assert!(!seen(&reading, inventory_update).dependencies_derived);
    assert_eq!(seen(&reading, other).dependencies.as_slice(), [inventory_update]);

    let next = world.pass().await;
    let project_update = next.created();
    let reading = world.store.read().await.unwrap();
    assert_eq!(seen(&reading, inventory_update).dependencies.as_slice(), project_update);
}

pub(super) async fn r12_3_the_steps_of_a_workflow_that_was_canceled_meanwhile_are_left_out(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.pass().await;
    let open = world.open().await;
    assert_eq!((open.plan.creates.len(), open.plan.nodes.len()), (1, 1));
    world.stage.cancel(&[release]).await.unwrap();
    let done = open.written().await;
    assert_eq!(done.created, [None]);
    world.passes().await;
    assert_eq!(world.status(release).await, TaskStatus::Canceled);
    for status in TaskStatus::ALL {
        assert_eq!(world.jobs_of(release, status).await, [], "no job was created");
    }
}

pub(super) async fn r12_3_a_request_to_cancel_needs_no_guard(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let job = world.job_of(release, TaskStatus::Waiting).await;
    let dispatch = world.dispatch(job).await;
    world.stage.cancel(&[release]).await.unwrap();
    let open = world.open().await;
    assert!(matches!(open.plan.decision(job).unwrap().action, Action::RequestCancel { .. }));
    // Taken up meanwhile: then its worker is told.
    assert!(matches!(world.claim(world.a, job, dispatch).await, Claimed::Run(_)));
    open.written().await;
    let view = world.view(job).await;
    assert_eq!((view.status, view.cancel_requested), (TaskStatus::Running, true));
    let reading = world.store.read().await.unwrap();
    assert!(matches!(seen(&reading, job).state, State::Running(_)));
}
