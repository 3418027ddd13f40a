//! Workflows, as several suites walk through them.

use control_plane::ports::TaskStatus;
use scheduler_core::{Outcome, TaskId};
use serde_json::{Value, json};

use crate::cluster::workflow;
use crate::world::{Subject, World};

/// A node that starts the template `deploy`, unless more says something else.
pub(super) fn node(name: &str, more: Value) -> Value {
    let mut node = json!({ "name": name, "starts": { "template": "deploy" } });
    if let (Some(node), Value::Object(more)) = (node.as_object_mut(), more) {
        node.extend(more);
    }
    node
}

/// A world with a workflow of these nodes, launched and advanced as far as it goes by itself.
pub(super) async fn begun<P>(subject: Subject<P>, nodes: Value) -> (World<P>, TaskId) {
    let world = World::with(subject, &[json!({ "workflow": [{ "name": "flow", "node": nodes }] })]).await;
    let flow = world.launch(workflow("flow")).await;
    world.passes().await;
    (world, flow)
}

/// Ends the one job that waits, and advances.
pub(super) async fn end_one<P>(world: &World<P>, flow: TaskId, outcome: Outcome) {
    let job = world.job_of(flow, TaskStatus::Waiting).await;
    world.finish(job, outcome).await;
    world.passes().await;
}

/// How many of its jobs are in this status.
pub(super) async fn count<P>(world: &World<P>, flow: TaskId, status: TaskStatus) -> usize {
    world.jobs_of(flow, status).await.len()
}
