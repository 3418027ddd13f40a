//! What a property needs to know about a snapshot, straight from its rows.

use std::collections::BTreeMap;

use scheduler_core::{
    Claimant, Instance, InstanceId, Kind, LaunchType, Mode, Outcome, OwnKey, OwnResource, Plan,
    ProjectUpdateType, Resource, ResourceKey, RuleSet, Simultaneous, Snapshot, State, Task, TaskId, Work,
    WorkflowOf,
};

/// The only row with this id.
pub(crate) fn row(snapshot: &Snapshot, id: TaskId) -> Option<&Task> {
    let mut rows = snapshot.tasks.iter().filter(|task| task.id == id);
    let first = rows.next()?;
    rows.next().is_none().then_some(first)
}

/// Whether another row has the id of this one.
pub(crate) fn is_duplicate(snapshot: &Snapshot, task: &Task) -> bool {
    row(snapshot, task.id).is_none()
}

/// What a task claims by the table (R2).
pub(crate) fn claims(task: &Task, rules: &RuleSet) -> Vec<(ResourceKey, Mode)> {
    let private = matches!(task.work, Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. });
    let Some(claimant) =
        Claimant::of(&task.work).filter(|_| !private && task.launch_type != LaunchType::Sync)
    else {
        return Vec::new();
    };
    let simultaneous = matches!(
        task.work,
        Work::Job { allow_simultaneous: true, .. } | Work::WorkflowJob { allow_simultaneous: true, .. }
    );
    let rows = rules.claims.iter().filter(|claim| claim.by == claimant);
    rows.flat_map(|claim| {
        let mode = match claim.simultaneous {
            Simultaneous::As(mode) if simultaneous => Some(mode),
            Simultaneous::Nothing if simultaneous => None,
            _ => Some(claim.mode),
        };
        mode.map_or_else(Vec::new, |mode| keys(task, &claim.resource, mode))
    })
    .collect()
}

fn keys(task: &Task, resource: &Resource, mode: Mode) -> Vec<(ResourceKey, Mode)> {
    let key = match (resource, &task.work) {
        (Resource::Project, Work::Job { project, .. } | Work::ProjectUpdate { project, .. }) => {
            project.map(ResourceKey::Project)
        }
        (
            Resource::Inventory,
            Work::Job { inventory, .. }
            | Work::InventoryUpdate { inventory, .. }
            | Work::AdHocCommand { inventory },
        ) => inventory.map(ResourceKey::Inventory),
        (Resource::InventorySource, Work::InventoryUpdate { source, .. }) => {
            source.map(ResourceKey::InventorySource)
        }
        (
            Resource::JobTemplate,
            Work::Job { template, .. } | Work::WorkflowJob { of: WorkflowOf::Slices(template), .. },
        ) => template.map(ResourceKey::JobTemplate),
        (Resource::WorkflowTemplate, Work::WorkflowJob { of: WorkflowOf::Template(template), .. }) => {
            template.map(ResourceKey::WorkflowTemplate)
        }
        (Resource::SystemJobSlot, Work::SystemJob {}) => Some(ResourceKey::SystemJobSlot),
        (Resource::Own(name), _) => {
            let own = task.own_keys.iter().filter(|own| own.resource == *name);
            let keyed = |own: &OwnKey| OwnResource { resource: own.resource.clone(), key: own.key };
            return own.map(|own| (ResourceKey::Own(keyed(own).into()), own.mode.unwrap_or(mode))).collect();
        }
        _ => None,
    };
    key.into_iter().map(|key| (key, mode)).collect()
}

/// Whether the first may not start while the second holds its claims.
pub(crate) fn conflict(wants: &Task, holds: &Task, rules: &RuleSet) -> bool {
    let held = claims(holds, rules);
    claims(wants, rules).iter().any(|(key, wanted)| {
        let matrix = rules.matrix(&resource(key));
        held.iter()
            .any(|(other, mode)| key == other && matrix.is_some_and(|matrix| matrix.forbids(*wanted, *mode)))
    })
}

fn resource(key: &ResourceKey) -> Resource {
    match key {
        ResourceKey::Project(_) => Resource::Project,
        ResourceKey::Inventory(_) => Resource::Inventory,
        ResourceKey::InventorySource(_) => Resource::InventorySource,
        ResourceKey::JobTemplate(_) => Resource::JobTemplate,
        ResourceKey::WorkflowTemplate(_) => Resource::WorkflowTemplate,
        ResourceKey::SystemJobSlot => Resource::SystemJobSlot,
        ResourceKey::Own(own) => Resource::Own(own.resource.clone()),
    }
}

/// The workflow of each task that is the job of a node: of several the one with the smallest id.
pub(crate) fn workflows(snapshot: &Snapshot) -> BTreeMap<TaskId, TaskId> {
    let mut workflows = BTreeMap::new();
    for graph in &snapshot.graphs {
        for job in graph.nodes.iter().filter_map(|node| node.progress.job()) {
            let workflow = workflows.entry(job).or_insert(graph.workflow);
            *workflow = graph.workflow.min(*workflow);
        }
    }
    workflows
}

/// The workflows above a task, the nearest first.
pub(crate) fn ancestors(workflows: &BTreeMap<TaskId, TaskId>, task: TaskId) -> Vec<TaskId> {
    let mut above = Vec::new();
    let mut next = workflows.get(&task);
    while let Some(workflow) = next.filter(|workflow| !above.contains(*workflow)) {
        above.push(*workflow);
        next = workflows.get(workflow);
    }
    above
}

/// The only instance with this id.
pub(crate) fn instance(snapshot: &Snapshot, id: InstanceId) -> Option<&Instance> {
    let mut rows = snapshot.instances.iter().filter(|instance| instance.id == id);
    let first = rows.next()?;
    rows.next().is_none().then_some(first)
}

/// Whether an instance is gone, or was not heard of for longer than the grace (R8.1). Of one with several rows nothing is
/// known.
pub(crate) fn is_lost(snapshot: &Snapshot, rules: &RuleSet, id: InstanceId) -> bool {
    let mut rows = snapshot.instances.iter().filter(|instance| instance.id == id);
    match (rows.next(), rows.next()) {
        (None, _) => true,
        (Some(only), None) => !is_heard(snapshot, rules, only),
        (Some(_), Some(_)) => false,
    }
}

pub(crate) fn is_heard(snapshot: &Snapshot, rules: &RuleSet, instance: &Instance) -> bool {
    instance.last_heartbeat.is_some_and(|then| !rules.heartbeat_grace.elapsed_since(then, snapshot.now))
}

/// Whether one of the instances that a task is on is lost.
pub(crate) fn is_on_lost(snapshot: &Snapshot, rules: &RuleSet, task: &Task) -> bool {
    let placement = task.state.placement().filter(|_| task.kind().needs_place());
    placement.is_some_and(|placement| {
        [placement.node, placement.controller].into_iter().flatten().any(|id| is_lost(snapshot, rules, id))
    })
}

/// How a task has ended, in the snapshot or by the plan.
pub(crate) fn outcome(snapshot: &Snapshot, plan: &Plan, id: TaskId) -> Option<Outcome> {
    let by_plan =
        plan.decision(id).and_then(|decision| decision.action.end()).map(scheduler_core::End::outcome);
    by_plan.or_else(|| match row(snapshot, id)?.state {
        State::Finished { outcome, .. } => Some(outcome),
        _ => None,
    })
}

/// The kinds for which update on launch is derived (R4).
pub(crate) fn derives(task: &Task) -> bool {
    matches!(task.kind(), Kind::Job | Kind::InventoryUpdate)
}

/// Whether a task is to be canceled: by its own request or by that of a running workflow above it.
pub(crate) fn cancel_reaches(snapshot: &Snapshot, task: &Task) -> bool {
    let above = ancestors(&workflows(snapshot), task.id);
    task.cancel_requested || above.iter().filter_map(|id| row(snapshot, *id)).any(|row| row.cancel_requested)
}
