//! Workflows by real passes (R7): what a store must remember of nodes, and how it fills their jobs in.

use control_plane::ports::{Ended, Launch, Order, SliceNumber, TaskStatus, Verdict};
use scheduler_core::{Kind, LaunchType, Outcome, Priority, Work};
use serde_json::json;

use crate::cluster::{definitions, template, workflow};
use crate::flow::{begun, count, end_one, node};
use crate::world::{Subject, World, a_moment, seen};

pub(super) async fn r7_3_a_nodes_job_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let job = world.job_of(release, TaskStatus::Waiting).await;
    let view = world.view(job).await;
    assert_eq!((view.name.as_str(), view.kind), ("deploy", Kind::Job));
    assert_eq!((view.launch_type, view.priority), (LaunchType::Workflow, Priority::new(2)));
    assert_eq!(view.workflow, Some(release));
    assert_eq!(world.message().await.handler.as_str(), "deploy");
    assert_eq!(world.take_up(job).await.run.payload, json!({ "colour": "blue", "size": 1 }));
}

pub(super) async fn r7_the_way_of_success(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(world.status(release).await, TaskStatus::Running);
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(world.status(release).await, TaskStatus::Successful);
    assert_eq!(count(&world, release, TaskStatus::Successful).await, 2, "the rescue is skipped");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub(super) async fn r7_the_way_of_failure(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    end_one(&world, release, Outcome::Failed).await;
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(world.status(release).await, TaskStatus::Successful, "the failure was handled");
    assert_eq!(count(&world, release, TaskStatus::Successful).await, 1);
}

pub(super) async fn r7_4_an_unhandled_failure_fails_the_workflow(subject: Subject) {
    let (world, flow) = begun(subject, json!([node("only", json!({}))])).await;
    end_one(&world, flow, Outcome::Error).await;
    let view = world.view(flow).await;
    assert_eq!(view.status, TaskStatus::Failed);
    assert!(!view.explanation.is_empty());
}

pub(super) async fn r7_4_an_empty_workflow_is_successful(subject: Subject) {
    let (world, flow) = begun(subject, json!([])).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub(super) async fn r7_2_any_and_all_come_together(subject: Subject) {
    let (world, flow) = begun(
        subject,
        json!([
            node("left", json!({ "on_success": ["any", "all"] })),
            node("right", json!({ "on_success": ["any", "all"], "on_failure": ["mop"] })),
            node("any", json!({})),
            node("all", json!({ "convergence": "all" })),
            node("mop", json!({})),
        ]),
    )
    .await;
    let roots = world.jobs_of(flow, TaskStatus::Waiting).await;
    assert_eq!(roots.len(), 2, "the roots");
    world.finish(roots[0], Outcome::Successful).await;
    world.passes().await;
    assert_eq!(count(&world, flow, TaskStatus::Waiting).await, 1, "both wait for the other root");
    world.finish(roots[1], Outcome::Failed).await;
    world.passes().await;
    assert_eq!(count(&world, flow, TaskStatus::Waiting).await, 2, "any and mop; all is skipped");
    for job in world.jobs_of(flow, TaskStatus::Waiting).await {
        world.finish(job, Outcome::Successful).await;
    }
    world.passes().await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
    assert_eq!(count(&world, flow, TaskStatus::Successful).await, 3);
}

pub(super) async fn r7_1_always_follows_either_way(subject: Subject) {
    let (world, flow) =
        begun(subject, json!([node("first", json!({ "always": ["last"] })), node("last", json!({}))])).await;
    end_one(&world, flow, Outcome::Failed).await;
    end_one(&world, flow, Outcome::Successful).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub(super) async fn r7_a_nested_workflow_ends_its_outer_one_in_the_same_pass(subject: Subject) {
    let (world, flow) =
        begun(subject, json!([{ "name": "inner", "starts": { "workflow": "release" } }])).await;
    let inner = world.job_of(flow, TaskStatus::Running).await;
    assert_eq!(world.view(inner).await.kind, Kind::WorkflowJob);
    end_one(&world, inner, Outcome::Successful).await;
    let last = world.job_of(inner, TaskStatus::Waiting).await;
    world.finish(last, Outcome::Successful).await;
    world.pass().await;
    assert_eq!(world.status(inner).await, TaskStatus::Successful);
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub(super) async fn r7_3_nodes_start_everything_that_can_be_defined(subject: Subject) {
    let (world, flow) = begun(
        subject,
        json!([
            { "name": "project", "starts": { "project": "shop" } },
            { "name": "source", "starts": { "inventory_source": "cloud" } },
            { "name": "clean", "starts": { "system_job": "clean" } },
            { "name": "slices", "starts": { "template": "sliced" } },
            { "name": "ask", "starts": { "approval": {} } },
        ]),
    )
    .await;
    let mut jobs = Vec::new();
    for status in TaskStatus::ALL {
        for job in world.jobs_of(flow, status).await {
            let view = world.view(job).await;
            jobs.push((view.kind, view.name));
        }
    }
    jobs.sort();
    let expected = [
        (Kind::ProjectUpdate, "shop"),
        (Kind::InventoryUpdate, "cloud"),
        (Kind::SystemJob, "clean"),
        (Kind::WorkflowJob, "sliced"),
        (Kind::WorkflowApproval, "ask"),
    ];
    assert_eq!(jobs, expected.map(|(kind, name)| (kind, name.to_owned())));
}

pub(super) async fn r7_3_a_node_that_starts_its_own_workflow_is_created_as_failed(subject: Subject) {
    let (world, flow) = begun(subject, json!([{ "name": "again", "starts": { "workflow": "flow" } }])).await;
    let failed = world.job_of(flow, TaskStatus::Failed).await;
    let view = world.view(failed).await;
    assert!(!view.explanation.is_empty(), "why");
    assert!(view.finished.is_some());
    assert_eq!(world.status(flow).await, TaskStatus::Failed);
}

pub(super) async fn r7_3_a_node_that_lacks_its_inventory_is_created_as_failed(subject: Subject) {
    let bare = json!({ "template": [{ "name": "bare", "project": "shop", "run": { "handler": "work" } }] });
    let flow = json!({ "workflow": [{ "name": "flow", "node": [
        { "name": "bare", "starts": { "template": "bare" }, "on_failure": ["mop"] },
        node("mop", json!({})),
    ]}]});
    let world = World::with(subject, &[bare, flow]).await;
    let flow = world.launch(workflow("flow")).await;
    world.passes().await;
    assert_eq!(count(&world, flow, TaskStatus::Failed).await, 1);
    end_one(&world, flow, Outcome::Successful).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub(super) async fn a_workflow_that_changes_leaves_running_ones_as_they_were(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let changed = json!({ "workflow": [{ "name": "release", "node": [] }] });
    world.stage.define(&definitions(changed)).await.unwrap();
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(count(&world, release, TaskStatus::Waiting).await, 1);
}

pub(super) async fn r7_6_an_approval_that_nobody_gives_expires(subject: Subject) {
    let nodes = json!([
        { "name": "sure", "starts": { "approval": { "timeout": 0 } }, "on_failure": ["stay"] },
        node("stay", json!({})),
    ]);
    let world = World::with(subject, &[json!({ "workflow": [{ "name": "flow", "node": nodes }] })]).await;
    let flow = world.launch(workflow("flow")).await;
    world.pass().await;
    let created = world.pass().await.created()[0];
    a_moment().await;
    let passed = world.pass().await;
    let Work::WorkflowApproval { expires } = passed.seen(created).work else { panic!("an approval") };
    assert!(expires.is_some(), "the store fills it in");
    let view = world.view(created).await;
    assert_eq!(view.status, TaskStatus::Failed);
    assert!(!view.explanation.is_empty());
    world.passes().await;
    assert_eq!(count(&world, flow, TaskStatus::Waiting).await, 1);
}

pub(super) async fn r8_3_a_canceled_workflow_takes_its_jobs_with_it(subject: Subject) {
    let (world, flow) = begun(
        subject,
        json!([
            node("running", json!({ "on_success": ["never"] })),
            node("waiting", json!({})),
            { "name": "first", "starts": { "template": "alone" } },
            { "name": "ask", "starts": { "approval": {} } },
            { "name": "inner", "starts": { "workflow": "release" } },
            node("never", json!({})),
        ]),
    )
    .await;
    let waiting = world.jobs_of(flow, TaskStatus::Waiting).await;
    let running = waiting[0];
    let dispatch = world.take_up(running).await.dispatch;
    let release = world.view(world.jobs_of(flow, TaskStatus::Running).await[2]).await;
    assert_eq!(release.kind, Kind::WorkflowJob);
    world.stage.cancel(&[flow]).await.unwrap();
    world.passes().await;
    world.passes().await;
    assert_eq!(world.status(flow).await, TaskStatus::Running, "one job runs still");
    assert_eq!(world.jobs_of(flow, TaskStatus::Running).await, [running]);
    assert_eq!(world.status(release.id).await, TaskStatus::Canceled);
    assert_eq!(count(&world, release.id, TaskStatus::Canceled).await, 1);
    let orders = world.store.orders(&[(running, dispatch)]).await.unwrap();
    assert_eq!(orders, [(running, Order::Cancel)]);
    let stopped = Verdict::Ended(Ended::of(Outcome::Canceled));
    world.report(running, dispatch, stopped).await;
    world.passes().await;
    assert_eq!(world.status(flow).await, TaskStatus::Canceled);
    assert_eq!(count(&world, flow, TaskStatus::Canceled).await, 5, "the last was never created");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub(super) async fn r2_slices_run_side_by_side_and_end_their_workflow(subject: Subject) {
    let world = World::new(subject).await;
    let sliced = world.launch(template("sliced")).await;
    let next = world.launch(template("sliced")).await;
    world.passes().await;
    let slices = world.jobs_of(sliced, TaskStatus::Waiting).await;
    assert_eq!(slices.len(), 3);
    assert_eq!(world.status(next).await, TaskStatus::Pending, "slices of one template exclude each other");
    let reading = world.store.read().await.unwrap();
    for &slice in &slices {
        let row = seen(&reading, slice);
        assert!(matches!(row.work, Work::Job { allow_simultaneous: true, template: Some(_), .. }));
        assert_eq!((row.launch_type, row.priority), (LaunchType::Workflow, Priority::new(4)));
    }
    for slice in slices {
        world.finish(slice, Outcome::Successful).await;
    }
    world.passes().await;
    assert_eq!(world.status(sliced).await, TaskStatus::Successful);
    assert_eq!(world.jobs_of(next, TaskStatus::Waiting).await.len(), 3);
}

pub(super) async fn a_payload_reaches_each_slice(subject: Subject) {
    let world = World::new(subject).await;
    let over = json!({ "part": "one" });
    let id = world.launch(Launch { payload: Some(over.clone()), ..template("sliced") }).await;
    world.passes().await;
    let slices = world.jobs_of(id, TaskStatus::Waiting).await;
    assert_eq!(slices.len(), 3);
    for slice in slices {
        assert_eq!(world.take_up(slice).await.run.payload, over);
    }
}

pub(super) async fn each_slice_is_told_which_it_is(subject: Subject) {
    let world = World::new(subject).await;
    let sliced = world.launch(template("sliced")).await;
    let whole = world.launch(template("alone")).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let mut numbers = Vec::new();
    for id in world.jobs_of(sliced, TaskStatus::Waiting).await {
        let slice = world.take_up(id).await.slice.expect("a slice");
        assert_eq!(slice.of, SliceNumber(3));
        numbers.push(slice.number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3].map(SliceNumber));
    assert_eq!(world.take_up(whole).await.slice, None);
    for id in world.jobs_of(release, TaskStatus::Waiting).await {
        assert_eq!(world.take_up(id).await.slice, None, "a node's job is no slice");
    }
}
