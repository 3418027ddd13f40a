//! What a commit writes when nothing came between: starts with their messages, holds, ends (R12.3, R12.4).

use std::collections::BTreeSet;

use control_plane::ports::{Launch, Queue, TaskStatus, TraceContext};
use scheduler_core::{Kind, Outcome, Reason, State};
use serde_json::json;

use crate::cluster::{definitions, template, workflow};
use crate::world::{Subject, World, a_moment, seen};

pub(super) async fn r12_4_a_start_is_written_with_its_message(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 1);
    assert_eq!(world.status(task).await, TaskStatus::Waiting);
    let message = world.message().await;
    assert_eq!((message.task, message.kind), (task, Kind::Job));
    assert_eq!(message.handler.as_str(), "deploy");
    assert_eq!(message.queue, Queue::Node(world.a.instance), "most room is on node-a");
    let reading = world.store.read().await.unwrap();
    let State::Waiting(dispatch) = &seen(&reading, task).state else { panic!("it waits") };
    assert_eq!(dispatch.id, message.dispatch);
    assert_eq!(dispatch.placement.node, Some(world.a.instance));
    assert!(dispatch.placement.group.is_some() && dispatch.placement.controller.is_none());
    let view = world.view(task).await;
    assert_eq!((view.group, view.node), (dispatch.placement.group, dispatch.placement.node));
    assert_eq!(view.started, None);
}

pub(super) async fn r12_4_a_container_task_goes_to_the_shared_queue(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("pod")).await;
    world.pass().await;
    assert_eq!(world.message().await.queue, Queue::Shared);
    let view = world.view(task).await;
    assert!(view.group.is_some() && view.node.is_none() && view.controller.is_none());
}

pub(super) async fn r12_4_a_controlled_container_task_goes_to_its_controller(subject: Subject) {
    let plane = json!({ "group": "only-b", "impact": 1 });
    let world = World::with(
        subject,
        &[json!({ "rules": { "default_groups": ["default"], "control_plane": plane } })],
    )
    .await;
    let task = world.launch(template("pod")).await;
    world.pass().await;
    assert_eq!(world.message().await.queue, Queue::Node(world.b.instance));
    assert_eq!(world.view(task).await.controller, Some(world.b.instance));
}

pub(super) async fn r6_5_a_workflow_job_runs_at_once_and_is_not_sent(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(workflow("release")).await;
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 0);
    let view = world.view(task).await;
    assert_eq!(view.status, TaskStatus::Running);
    assert!(view.started.is_some());
    assert_eq!(world.relay().await, []);
}

pub(super) async fn r12_3_many_starts_are_one_commit(subject: Subject) {
    let many = json!({ "instance": [{ "hostname": "node-a", "capacity": 100_000 }] });
    let world = World::with(subject, &[many]).await;
    let ids = world.stage.launch(&vec![template("deploy"); 1200]).await.unwrap();
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 1200);
    let messages = world.relay().await;
    let tasks: BTreeSet<_> = messages.iter().map(|message| message.task).collect();
    let dispatches: BTreeSet<_> = messages.iter().map(|message| message.dispatch).collect();
    assert!(tasks.into_iter().eq(ids));
    assert_eq!(dispatches.len(), 1200, "no two dispatches are the same");
}

pub(super) async fn r12_4_no_dispatch_is_ever_given_twice(subject: Subject) {
    let world = World::new(subject).await;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let task = world.launch(template("deploy")).await;
        world.pass().await;
        assert!(seen.insert(world.message().await.dispatch));
        world.finish(task, Outcome::Successful).await;
    }
}

pub(super) async fn r10_the_reason_of_a_hold_is_stored(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.launch(template("alone")).await;
    let second = world.launch(template("alone")).await;
    assert_eq!(world.view(second).await.hold, None, "no pass has looked yet");
    world.pass().await;
    let hold = world.view(second).await.hold.unwrap();
    assert!(matches!(hold.reason, Reason::Blocked { holder, .. } if holder == first), "{hold:?}");
    let again = world.pass().await;
    assert_eq!(world.view(second).await.hold.unwrap().since, hold.since, "since when it has been so");
    assert!(again.reading.snapshot.now >= hold.since);

    world.finish(first, Outcome::Successful).await;
    world.pass().await;
    assert_eq!(world.view(second).await.hold, None, "what starts is not held");
}

pub(super) async fn r10_a_new_reason_replaces_the_old_one(subject: Subject) {
    let world = World::new(subject).await;
    let blocker = world.launch(template("alone")).await;
    let task = world.launch(template("alone")).await;
    world.pass().await;
    let before = world.view(task).await.hold.unwrap();
    world.finish(blocker, Outcome::Successful).await;
    world
        .stage
        .define(&definitions(json!({ "instance": [
            { "hostname": "node-a", "capacity": 20, "enabled": false },
            { "hostname": "node-b", "capacity": 10, "enabled": false },
        ]})))
        .await
        .unwrap();
    world.pass().await;
    let after = world.view(task).await.hold.unwrap();
    assert!(matches!(after.reason, Reason::NoCapacity(_)), "{after:?}");
    assert!(after.since >= before.since);
}

pub(super) async fn r10_numbers_that_change_are_no_new_reason(subject: Subject) {
    let big = json!({ "template": [
        { "name": "big", "inventory": "web", "groups": ["only-b"], "impact": 9, "allow_simultaneous": true,
          "run": { "handler": "work" } },
    ]});
    let world = World::with(subject, &[big]).await;
    let running = world.launch(template("on-b")).await;
    world.pass().await;
    let big = world.launch(template("big")).await;
    world.pass().await;
    let before = world.view(big).await.hold.unwrap();
    assert!(matches!(before.reason, Reason::NoCapacity(_)), "{before:?}");
    a_moment().await;
    world.launch(template("on-b")).await;
    world.pass().await;
    world.pass().await;
    assert_eq!(world.view(big).await.hold.unwrap().since, before.since);
    assert_eq!(world.status(running).await, TaskStatus::Waiting);
}

pub(super) async fn r10_a_held_workflow_has_its_reason_too(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.launch(workflow("release")).await;
    let second = world.launch(workflow("release")).await;
    world.passes().await;
    let hold = world.view(second).await.hold.unwrap();
    assert!(matches!(hold.reason, Reason::Blocked { holder, .. } if holder == first), "{hold:?}");
}

pub(super) async fn r9_the_start_limit_of_the_rules_holds(subject: Subject) {
    let world =
        World::with(subject, &[json!({ "rules": { "default_groups": ["default"], "start_limit": 2 } })])
            .await;
    world.stage.launch(&vec![template("deploy"); 3]).await.unwrap();
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 2);
    assert!(passed.plan.more);
    assert_eq!(world.pass().await.done.dispatched, 1);
}

pub(super) async fn r5_a_dependency_is_awaited(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.launch(template("deploy")).await;
    let second = world.launch(Launch { dependencies: vec![first], ..template("deploy") }).await;
    world.passes().await;
    assert_eq!(world.status(second).await, TaskStatus::Pending);
    world.finish(first, Outcome::Successful).await;
    let passed = world.pass().await;
    assert_eq!(passed.seen(second).dependencies.as_slice(), [first]);
    assert!(!passed.seen(first).state.is_unfinished(), "a finished task is read when one depends on it");
    assert_eq!(world.status(second).await, TaskStatus::Waiting);
    let next = world.pass().await;
    assert!(next.reading.snapshot.tasks.iter().any(|task| task.id == second));
}

pub(super) async fn r5_a_failed_dependency_fails_with_awx_text(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.launch(template("deploy")).await;
    let second = world.launch(Launch { dependencies: vec![first], ..template("deploy") }).await;
    world.passes().await;
    world.finish(first, Outcome::Error).await;
    let third = world.launch(Launch { dependencies: vec![first, second], ..template("deploy") }).await;
    world.passes().await;
    for task in [second, third] {
        let view = world.view(task).await;
        assert_eq!(view.status, TaskStatus::Failed);
        let text = format!(
            "Previous Task Failed: {{\"job_type\": \"job\", \"job_name\": \"deploy\", \"job_id\": \"{first}\"}}"
        );
        assert_eq!(view.explanation, text);
    }
}

pub(super) async fn a_trace_is_carried_on_by_the_dispatch(subject: Subject) {
    let world = World::new(subject).await;
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::try_from(text.to_owned()).unwrap();
    world.launch(Launch { trace: Some(trace.clone()), ..template("deploy") }).await;
    world.pass().await;
    assert_eq!(world.message().await.trace, Some(trace));
}

pub(super) async fn a_trace_is_inherited_by_what_passes_create(subject: Subject) {
    let world = World::new(subject).await;
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::try_from(text.to_owned()).unwrap();
    let job = world.launch(Launch { trace: Some(trace.clone()), ..template("build") }).await;
    let release = world.launch(Launch { trace: Some(trace.clone()), ..workflow("release") }).await;
    world.passes().await;
    let messages = world.relay().await;
    assert_eq!(messages.len(), 2, "the update for job {job}, and the first job of workflow {release}");
    for message in messages {
        assert_eq!(message.trace.as_ref(), Some(&trace), "task {}", message.task);
    }
}
