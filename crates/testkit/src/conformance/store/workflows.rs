//! Workflows by real passes (R7): what a store must remember of nodes, and how it fills their jobs in.

use std::sync::Arc;

use control_plane::ports::{Answer, Answered, Store, TaskStatus};
use scheduler_core::{Kind, LaunchType, Outcome, Priority, TaskId, Work};
use serde_json::{Value, json};

use super::world::{World, a_moment, template, workflow};

fn node(name: &str, more: Value) -> Value {
    let mut node = json!({ "name": name, "starts": { "template": "deploy" } });
    if let (Some(node), Value::Object(more)) = (node.as_object_mut(), more) {
        node.extend(more);
    }
    node
}

/// A world with a workflow of these nodes, launched and advanced as far as it goes by itself.
async fn begun(store: Arc<dyn Store>, nodes: Value) -> (World, TaskId) {
    let world = World::with(store, &[json!({ "workflow": [{ "name": "flow", "node": nodes }] })]).await;
    let flow = world.launch(workflow("flow")).await;
    world.passes().await;
    (world, flow)
}

/// Ends the one job that waits, and advances.
async fn end_one(world: &World, flow: TaskId, outcome: Outcome) {
    let job = world.job_of(flow, TaskStatus::Waiting).await;
    world.finish(job, outcome).await;
    world.passes().await;
}

async fn count(world: &World, flow: TaskId, status: TaskStatus) -> usize {
    world.jobs_of(flow, status).await.len()
}

pub async fn r7_3_a_nodes_job_is_filled_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
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

pub async fn r7_the_way_of_success(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(world.status(release).await, TaskStatus::Running);
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(world.status(release).await, TaskStatus::Successful);
    assert_eq!(count(&world, release, TaskStatus::Successful).await, 2, "the rescue is skipped");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub async fn r7_the_way_of_failure(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    end_one(&world, release, Outcome::Failed).await;
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(world.status(release).await, TaskStatus::Successful, "the failure was handled");
    assert_eq!(count(&world, release, TaskStatus::Successful).await, 1);
}

pub async fn r7_4_an_unhandled_failure_fails_the_workflow(store: Arc<dyn Store>) {
    let (world, flow) = begun(store, json!([node("only", json!({}))])).await;
    end_one(&world, flow, Outcome::Error).await;
    let view = world.view(flow).await;
    assert_eq!(view.status, TaskStatus::Failed);
    assert!(!view.explanation.is_empty());
}

pub async fn r7_4_an_empty_workflow_is_successful(store: Arc<dyn Store>) {
    let (world, flow) = begun(store, json!([])).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub async fn r7_2_any_and_all_come_together(store: Arc<dyn Store>) {
    let (world, flow) = begun(
        store,
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

pub async fn r7_1_always_follows_either_way(store: Arc<dyn Store>) {
    let (world, flow) =
        begun(store, json!([node("first", json!({ "always": ["last"] })), node("last", json!({}))])).await;
    end_one(&world, flow, Outcome::Failed).await;
    end_one(&world, flow, Outcome::Successful).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub async fn r7_a_nested_workflow_ends_its_outer_one_in_the_same_pass(store: Arc<dyn Store>) {
    let (world, flow) = begun(store, json!([{ "name": "inner", "starts": { "workflow": "release" } }])).await;
    let inner = world.job_of(flow, TaskStatus::Running).await;
    assert_eq!(world.view(inner).await.kind, Kind::WorkflowJob);
    end_one(&world, inner, Outcome::Successful).await;
    let last = world.job_of(inner, TaskStatus::Waiting).await;
    world.finish(last, Outcome::Successful).await;
    world.pass().await;
    assert_eq!(world.status(inner).await, TaskStatus::Successful);
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub async fn r7_3_nodes_start_everything_that_can_be_defined(store: Arc<dyn Store>) {
    let (world, flow) = begun(
        store,
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

pub async fn r7_3_a_node_that_starts_its_own_workflow_is_created_as_failed(store: Arc<dyn Store>) {
    let (world, flow) = begun(store, json!([{ "name": "again", "starts": { "workflow": "flow" } }])).await;
    let failed = world.job_of(flow, TaskStatus::Failed).await;
    let view = world.view(failed).await;
    assert!(!view.explanation.is_empty(), "why");
    assert!(view.finished.is_some());
    assert_eq!(world.status(flow).await, TaskStatus::Failed);
}

pub async fn r7_3_a_node_that_lacks_its_inventory_is_created_as_failed(store: Arc<dyn Store>) {
    let bare = json!({ "template": [{ "name": "bare", "project": "shop", "run": { "handler": "work" } }] });
    let flow = json!({ "workflow": [{ "name": "flow", "node": [
        { "name": "bare", "starts": { "template": "bare" }, "on_failure": ["mop"] },
        node("mop", json!({})),
    ]}]});
    let world = World::with(store, &[bare, flow]).await;
    let flow = world.launch(workflow("flow")).await;
    world.passes().await;
    assert_eq!(count(&world, flow, TaskStatus::Failed).await, 1);
    end_one(&world, flow, Outcome::Successful).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful);
}

pub async fn r7_2_a_node_whose_template_was_removed_counts_as_failed(store: Arc<dyn Store>) {
    let (world, flow) = begun(
        store,
        json!([
            node("first", json!({ "on_success": ["second"] })),
            { "name": "second", "starts": { "template": "alone" }, "on_failure": ["mop"] },
            node("mop", json!({})),
        ]),
    )
    .await;
    let changed = json!({ "workflow": [{ "name": "flow", "node": [] }] });
    world.store.define(&super::world::definitions(changed)).await.unwrap();
    let kind = control_plane::definition::DefinitionKind::JobTemplate;
    assert!(world.store.remove(kind, "alone").await.unwrap());
    end_one(&world, flow, Outcome::Successful).await;
    end_one(&world, flow, Outcome::Successful).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful, "the mop handled it");
    assert_eq!(count(&world, flow, TaskStatus::Successful).await, 2);
}

pub async fn a_workflow_that_changes_leaves_running_ones_as_they_were(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let changed = json!({ "workflow": [{ "name": "release", "node": [] }] });
    world.store.define(&super::world::definitions(changed)).await.unwrap();
    end_one(&world, release, Outcome::Successful).await;
    assert_eq!(count(&world, release, TaskStatus::Waiting).await, 1);
}

fn asking() -> Value {
    json!([
        { "name": "sure", "starts": { "approval": {} }, "on_success": ["go"], "on_failure": ["stay"] },
        node("go", json!({})),
        { "name": "stay", "starts": { "template": "alone" } },
    ])
}

pub async fn r7_an_approval_that_is_given_goes_on(store: Arc<dyn Store>) {
    let (world, flow) = begun(store, asking()).await;
    let approval = world.job_of(flow, TaskStatus::Running).await;
    assert_eq!(world.store.answer(approval, Answer::Approve).await.unwrap(), Answered::Recorded);
    assert_eq!(world.status(approval).await, TaskStatus::Successful);
    assert_eq!(world.store.answer(approval, Answer::Deny).await.unwrap(), Answered::NotWaiting);
    world.passes().await;
    let next = world.job_of(flow, TaskStatus::Waiting).await;
    assert_eq!(world.view(next).await.name, "deploy");
}

pub async fn r7_an_approval_that_is_denied_fails(store: Arc<dyn Store>) {
    let (world, flow) = begun(store, asking()).await;
    let approval = world.job_of(flow, TaskStatus::Running).await;
    assert_eq!(world.store.answer(approval, Answer::Deny).await.unwrap(), Answered::Recorded);
    assert_eq!(world.status(approval).await, TaskStatus::Failed);
    world.passes().await;
    let next = world.job_of(flow, TaskStatus::Waiting).await;
    assert_eq!(world.view(next).await.name, "alone");
}

pub async fn an_answer_needs_an_approval_that_waits(store: Arc<dyn Store>) {
    let world = World::with(store, &[json!({ "workflow": [{ "name": "flow", "node": asking() }] })]).await;
    let flow = world.launch(workflow("flow")).await;
    let job = world.launch(template("deploy")).await;
    let answer = |id| {
        let store = Arc::clone(&world.store);
        async move { store.answer(id, Answer::Approve).await.unwrap() }
    };
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

pub async fn r7_6_an_approval_that_nobody_gives_expires(store: Arc<dyn Store>) {
    let nodes = json!([
        { "name": "sure", "starts": { "approval": { "timeout": 0 } }, "on_failure": ["stay"] },
        node("stay", json!({})),
    ]);
    let world = World::with(store, &[json!({ "workflow": [{ "name": "flow", "node": nodes }] })]).await;
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

pub async fn r8_3_a_canceled_workflow_takes_its_jobs_with_it(store: Arc<dyn Store>) {
    let (world, flow) = begun(
        store,
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
    world.store.cancel(&[flow]).await.unwrap();
    world.passes().await;
    world.passes().await;
    assert_eq!(world.status(flow).await, TaskStatus::Running, "one job runs still");
    assert_eq!(world.jobs_of(flow, TaskStatus::Running).await, [running]);
    assert_eq!(world.status(release.id).await, TaskStatus::Canceled);
    assert_eq!(count(&world, release.id, TaskStatus::Canceled).await, 1);
    let orders = world.store.orders(&[(running, dispatch)]).await.unwrap();
    assert_eq!(orders, [(running, control_plane::ports::Order::Cancel)]);
    let stopped = control_plane::ports::Verdict::Ended(control_plane::ports::Ended::of(Outcome::Canceled));
    world.report(running, dispatch, stopped).await;
    world.passes().await;
    assert_eq!(world.status(flow).await, TaskStatus::Canceled);
    assert_eq!(count(&world, flow, TaskStatus::Canceled).await, 5, "the last was never created");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub async fn r2_slices_run_side_by_side_and_end_their_workflow(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sliced = world.launch(template("sliced")).await;
    let next = world.launch(template("sliced")).await;
    world.passes().await;
    let slices = world.jobs_of(sliced, TaskStatus::Waiting).await;
    assert_eq!(slices.len(), 3);
    assert_eq!(world.status(next).await, TaskStatus::Pending, "slices of one template exclude each other");
    let reading = world.store.read().await.unwrap();
    for &slice in &slices {
        let row = super::world::seen(&reading, slice);
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
