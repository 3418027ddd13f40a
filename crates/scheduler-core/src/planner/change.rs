//! What can happen between two plans.

use alloc::boxed::Box;

use crate::{
    Graph, GroupId, Instance, InstanceGroup, InstanceId, InventorySource, InventorySourceId, Project,
    ProjectId, RuleSet, Task, TaskId, Timestamp,
};

/// One change of what a planner knows: a row as it is now, or the id of one that is gone.
///
/// A row that is put replaces every other one with its id, so that rows may come twice, and a row may be put again to mend a
/// duplicate id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is this moment now; an earlier one than before is taken as it is.
    Clock(Timestamp),
    /// These are the rules now.
    Rules(Box<RuleSet>),
    /// A task is new, or has changed.
    Task(Task),
    /// A task is gone.
    TaskGone(TaskId),
    /// A project is new, or has changed.
    Project(Project),
    /// A project is gone.
    ProjectGone(ProjectId),
    /// An inventory source is new, or has changed.
    Source(InventorySource),
    /// An inventory source is gone.
    SourceGone(InventorySourceId),
    /// An instance is new, or has changed.
    Instance(Instance),
    /// An instance is gone.
    InstanceGone(InstanceId),
    /// An instance group is new, or has changed.
    Group(InstanceGroup),
    /// An instance group is gone.
    GroupGone(GroupId),
    /// The graph of a workflow job is new, or has changed.
    Graph(Graph),
    /// The graph of this workflow job is gone.
    GraphGone(TaskId),
}

/// A change that does not fit: what is said to be gone was not there. The planner stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No such task.
    #[error("there is no task {0} that could be gone")]
    Task(TaskId),
    /// No such project.
    #[error("there is no project {0} that could be gone")]
    Project(ProjectId),
    /// No such inventory source.
    #[error("there is no inventory source {0} that could be gone")]
    Source(InventorySourceId),
    /// No such instance.
    #[error("there is no instance {0} that could be gone")]
    Instance(InstanceId),
    /// No such instance group.
    #[error("there is no instance group {0} that could be gone")]
    Group(GroupId),
    /// The workflow job has no graph.
    #[error("workflow job {0} has no graph that could be gone")]
    Graph(TaskId),
}
