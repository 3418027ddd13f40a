//! The snapshot's rows by their ids, and what can be told of one row without looking at the plan.
//!
//! Rows that share an id are kept apart: no single row can be had for such an id. Costs one map entry a row.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::{
    End, Graph, GroupId, Instance, InstanceGroup, InstanceId, InventorySource, InventorySourceId, Loss,
    Outcome, Project, ProjectId, Role, RuleSet, Seconds, Snapshot, State, Task, TaskId,
};

/// How a task ends in this pass, by the rules.
pub(super) type Ends = BTreeMap<TaskId, End>;

/// How far an id has come, the ends of this pass included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// No row.
    Absent,
    /// Some row is not finished.
    Unfinished,
    /// All rows are.
    Finished(Outcome),
}

/// The rows of one table; `None` for an id that several rows have.
type Table<'a, K, V> = BTreeMap<K, Option<&'a V>>;

/// The rows of a snapshot by their ids.
pub(super) struct Rows<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) rules: &'a RuleSet,
    pub(super) tasks: BTreeMap<TaskId, Vec<&'a Task>>,
    pub(super) instances: Table<'a, InstanceId, Instance>,
    groups: Table<'a, GroupId, InstanceGroup>,
    projects: Table<'a, ProjectId, Project>,
    sources: Table<'a, InventorySourceId, InventorySource>,
    graphs: BTreeMap<TaskId, Vec<&'a Graph>>,
    /// The workflow that a job belongs to: the smallest that names it.
    parents: BTreeMap<TaskId, TaskId>,
}

fn table<'a, K: Ord, V>(rows: &'a [V], id: impl Fn(&V) -> K) -> Table<'a, K, V> {
    let mut table = BTreeMap::new();
    for row in rows {
        table.entry(id(row)).and_modify(|sole| *sole = None).or_insert(Some(row));
    }
    table
}

impl<'a> Rows<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, rules: &'a RuleSet) -> Self {
        let mut tasks: BTreeMap<TaskId, Vec<&'a Task>> = BTreeMap::new();
        for task in &snapshot.tasks {
            tasks.entry(task.id).or_default().push(task);
        }
        let mut parents = BTreeMap::new();
        let mut graphs: BTreeMap<TaskId, Vec<&'a Graph>> = BTreeMap::new();
        for graph in &snapshot.graphs {
            graphs.entry(graph.workflow).or_default().push(graph);
        }
        // Graphs that share a workflow count as absent.
        graphs.retain(|_, same| same.len() == 1);
        for graph in graphs.values().flatten() {
            for job in graph.nodes.iter().filter_map(|node| node.progress.job()) {
                parents
                    .entry(job)
                    .and_modify(|workflow: &mut TaskId| *workflow = (*workflow).min(graph.workflow))
                    .or_insert(graph.workflow);
            }
        }
        Self {
            snapshot,
            rules,
            tasks,
            instances: table(&snapshot.instances, |row| row.id),
            groups: table(&snapshot.groups, |row| row.id),
            projects: table(&snapshot.projects, |row| row.id),
            sources: table(&snapshot.inventory_sources, |row| row.id),
            graphs,
            parents,
        }
    }

    /// All rows with this id.
    pub(super) fn all(&self, id: TaskId) -> &[&'a Task] {
        self.tasks.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The row with this id, if exactly one has it.
    pub(super) fn sole(&self, id: TaskId) -> Option<&'a Task> {
        match self.all(id) {
            [task] => Some(task),
            _ => None,
        }
    }

    /// Every task whose id no other row has.
    pub(super) fn singles(&self) -> impl Iterator<Item = &'a Task> {
        self.tasks.values().filter_map(|rows| match rows.as_slice() {
            [task] => Some(*task),
            _ => None,
        })
    }

    pub(super) fn group(&self, id: GroupId) -> Option<&'a InstanceGroup> {
        self.groups.get(&id).copied().flatten()
    }

    pub(super) fn project(&self, id: ProjectId) -> Option<&'a Project> {
        self.projects.get(&id).copied().flatten()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &'a InventorySource> {
        self.sources.values().filter_map(|source| *source)
    }

    pub(super) fn projects(&self) -> impl Iterator<Item = &'a Project> {
        self.projects.values().filter_map(|project| *project)
    }

    /// The graph of a workflow job: none, or one.
    pub(super) fn graphs(&self, workflow: TaskId) -> &[&'a Graph] {
        self.graphs.get(&workflow).map_or(&[], Vec::as_slice)
    }

    /// The graphs that count.
    pub(super) fn every_graph(&self) -> impl Iterator<Item = &'a Graph> {
        self.graphs.values().flatten().copied()
    }

    /// How far an id has come (several rows: unfinished while one is, then failed, then canceled, if one is).
    pub(super) fn status(&self, id: TaskId, ends: &Ends) -> Status {
        let rows = self.all(id);
        if rows.is_empty() {
            return Status::Absent;
        }
        if let Some(end) = ends.get(&id) {
            return Status::Finished(end.outcome());
        }
        let mut worst = Outcome::Successful;
        for row in rows {
            let State::Finished { outcome, .. } = row.state else { return Status::Unfinished };
            worst = match (worst, outcome) {
                (Outcome::Failed, _) | (_, Outcome::Failed | Outcome::Error) => Outcome::Failed,
                (Outcome::Canceled, _) | (_, Outcome::Canceled) => Outcome::Canceled,
                _ => Outcome::Successful,
            };
        }
        Status::Finished(worst)
    }

    /// How an instance was lost, if it was (R8.1). Of one with several rows nothing is known.
    pub(super) fn loss(&self, id: InstanceId) -> Option<Loss> {
        let Some(row) = self.instances.get(&id) else { return Some(Loss::Gone) };
        let last_heartbeat = (*row)?.last_heartbeat;
        let silent = match last_heartbeat {
            None => true,
            Some(then) => self.rules.heartbeat_grace.elapsed_since(then, self.snapshot.now),
        };
        silent.then_some(Loss::Silent { last_heartbeat })
    }

    /// The lost instance that a holding task runs on or is controlled by.
    pub(super) fn lost_under(&self, task: &Task) -> Option<(InstanceId, Role, Loss)> {
        if !task.kind().needs_place() {
            return None;
        }
        let placement = task.state.placement()?;
        let by = |id: Option<InstanceId>, role| id.and_then(|id| Some((id, role, self.loss(id)?)));
        by(placement.node, Role::Node).or_else(|| by(placement.controller, Role::Controller))
    }

    /// Whether a waiting task never started: its instance is lost (R8.2).
    pub(super) fn is_taken_back(&self, task: &Task) -> bool {
        matches!(task.state, State::Waiting(_))
            && self.sole(task.id).is_some()
            && self.lost_under(task).is_some()
    }

    /// Whether the task was created longer ago than `reserve_after` (R3, R6.7).
    pub(super) fn is_overdue(&self, task: &Task) -> bool {
        let since = |after: Seconds| after.elapsed_since(task.created, self.snapshot.now);
        self.rules.reserve_after.is_some_and(since)
    }

    /// Whether a pass considers the task: pending, or waiting on a lost instance.
    pub(super) fn is_pending(&self, task: &Task) -> bool {
        matches!(task.state, State::Pending) || self.is_taken_back(task)
    }

    /// The workflows that a task belongs to, the nearest first, none twice.
    pub(super) fn ancestors(&self, task: TaskId) -> Vec<TaskId> {
        let mut above = Vec::new();
        let mut seen = BTreeSet::new();
        let mut at = task;
        while let Some(workflow) = self.parents.get(&at).copied() {
            if !seen.insert(workflow) {
                break;
            }
            above.push(workflow);
            at = workflow;
        }
        above
    }

    /// The workflow that names the task as a job.
    pub(super) fn parent(&self, task: TaskId) -> Option<TaskId> {
        self.parents.get(&task).copied()
    }
}
