//! Names for ids: what the core's sentences leave out, since it speaks of ids alone. Each is shown as [`visible`] makes it.

use std::collections::HashMap;
use std::fmt;

use scheduler_core::words::visible;
use scheduler_core::{
    Create, GroupId, InstanceId, InventoryId, InventorySourceId, Origin, Place, Placement, ProjectId,
    Snapshot, TaskId, TaskRef, Work, WorkflowOf,
};

/// The names that a snapshot gives. An id without one is shown as it is.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    tasks: HashMap<TaskId, &'a str>,
    instances: HashMap<InstanceId, &'a str>,
    groups: HashMap<GroupId, &'a str>,
}

impl<'a> Names<'a> {
    /// Of this snapshot.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let mut tasks = HashMap::with_capacity(snapshot.tasks.len());
        for task in snapshot.tasks.iter().filter(|task| !task.name.is_empty()) {
            // Of rows with a duplicate id none may lend its name to the others.
            tasks.entry(task.id).and_modify(|name| *name = "").or_insert(&*task.name);
        }
        tasks.retain(|_, name| !name.is_empty());
        Self {
            tasks,
            instances: snapshot.instances.iter().map(|row| (row.id, row.hostname.as_str())).collect(),
            groups: snapshot.groups.iter().map(|row| (row.id, row.name.as_str())).collect(),
        }
    }

    /// Of these places.
    pub(crate) fn of_places(
        instances: impl IntoIterator<Item = (InstanceId, &'a str)>,
        groups: impl IntoIterator<Item = (GroupId, &'a str)>,
    ) -> Self {
        Self {
            tasks: HashMap::new(),
            instances: instances.into_iter().collect(),
            groups: groups.into_iter().collect(),
        }
    }

    /// A task: `12 deploy-web`.
    pub(crate) fn task(&self, id: TaskId) -> String {
        self.tasks.get(&id).map_or_else(|| id.to_string(), |name| format!("{id} {}", visible(name)))
    }

    /// A place: `on node-a (datacentre), controlled by node-c`.
    pub(crate) fn place(&self, place: Place) -> String {
        match place {
            Place::Nowhere => "at once; it needs no instance".to_owned(),
            Place::Container { .. } | Place::Instance { .. } => self.placement(&place.into()),
        }
    }

    /// Where a holding task is.
    pub(crate) fn placement(&self, placement: &Placement) -> String {
        let mut words = match (placement.node, placement.group) {
            (Some(node), Some(group)) => format!("on {} ({})", self.instance(node), self.group(group)),
            (Some(node), None) => format!("on {}", self.instance(node)),
            (None, Some(group)) => format!("in {}", self.group(group)),
            (None, None) => "without an instance".to_owned(),
        };
        if let Some(controller) =
            placement.controller.filter(|&controller| Some(controller) != placement.node)
        {
            words.push_str(&format!(", controlled by {}", self.instance(controller)));
        }
        words
    }

    fn instance(&self, id: InstanceId) -> String {
        self.instances.get(&id).map_or_else(|| format!("instance {id}"), |&name| visible(name).to_string())
    }

    fn group(&self, id: GroupId) -> String {
        self.groups.get(&id).map_or_else(|| format!("group {id}"), |&name| visible(name).to_string())
    }

    /// A task of a plan: `project update 40`, or `project update new-0`.
    pub(crate) fn reference(&self, task: TaskRef) -> String {
        match task {
            TaskRef::Task { id, kind } => format!("{kind} {}", self.task(id)),
            TaskRef::New { id, kind } => format!("{kind} {id}"),
        }
    }

    /// Why a plan creates a task, and from when it counts.
    pub(crate) fn creation(&self, create: &Create) -> String {
        let mut words = match create.origin {
            Origin::Dependency { of } => format!("{} needs it first", self.reference(of)),
            Origin::Node { workflow, node } => format!("node {node} of workflow job {}", self.task(workflow)),
        };
        let after: Vec<String> = create.dependencies.iter().map(|&task| self.reference(task)).collect();
        if !after.is_empty() {
            words.push_str(&format!("; after {}", after.join(" and ")));
        }
        if let Some(failure) = &create.failed {
            words.push_str(&format!("; failed at once: {failure}"));
        }
        words
    }
}

/// What a task works on: `project 3, inventory 7`.
pub(crate) struct On<'a>(pub(crate) &'a Work);

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = |id: &Option<ProjectId>| id.map(|id| format!("project {id}"));
        let inventory = |id: &Option<InventoryId>| id.map(|id| format!("inventory {id}"));
        let source = |id: &Option<InventorySourceId>| id.map(|id| format!("inventory source {id}"));
        let keys = match self.0 {
            Work::Job { project: p, inventory: i, template, .. } => {
                vec![template.map(|id| format!("job template {id}")), project(p), inventory(i)]
            }
            Work::ProjectUpdate { project: p, .. } => vec![project(p)],
            Work::InventoryUpdate { source: s, inventory: i, .. } => vec![source(s), inventory(i)],
            Work::AdHocCommand { inventory: i } => vec![inventory(i)],
            Work::WorkflowJob { of: WorkflowOf::Template(id), .. } => {
                vec![id.map(|id| format!("workflow template {id}"))]
            }
            Work::WorkflowJob { of: WorkflowOf::Slices(id), .. } => {
                vec![id.map(|id| format!("slices of job template {id}"))]
            }
            Work::SystemJob {} | Work::WorkflowApproval { .. } => Vec::new(),
        };
        f.write_str(&keys.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
