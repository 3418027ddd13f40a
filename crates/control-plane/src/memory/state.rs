//! The tables of the store in memory, and the few ways in which a row changes.
//!
//! Finished tasks stand apart from unfinished ones, so that a pass never looks at them; what a pass must know of them (the last
//! update of a project, how a node's job ended) is written down when they end.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Bound;

use scheduler_core::{
    Dispatch, DispatchId, InstanceId, InventorySourceId, LastUpdate, LaunchType, NodeId, Outcome, Placement,
    Progress, ProjectId, ProjectUpdateType, State as TaskState, Task, TaskId, Timestamp, Work,
};

use super::catalogue::Catalogue;
use super::fill::{Filled, GraphRow};
use super::messages::Messages;
use super::row::Row;
use super::wakes::Woken;
use crate::ports::{ControlPlaneId, Ended, Incarnation, Output, Queue};

/// Everything that the store holds.
#[derive(Debug)]
pub(super) struct State {
    pub(super) control_plane: ControlPlaneId,
    pub(super) catalogue: Catalogue,
    pub(super) members: BTreeMap<InstanceId, Member>,
    pub(super) unfinished: BTreeMap<TaskId, Row>,
    finished: BTreeMap<TaskId, Row>,
    /// The finished tasks by when they ended.
    ended: BTreeSet<(Timestamp, TaskId)>,
    /// The graphs of unfinished workflow jobs.
    pub(super) graphs: BTreeMap<TaskId, GraphRow>,
    /// The jobs that the nodes of each workflow job started.
    jobs: BTreeMap<TaskId, Vec<TaskId>>,
    pub(super) project_updates: BTreeMap<ProjectId, LastUpdate>,
    pub(super) source_updates: BTreeMap<InventorySourceId, LastUpdate>,
    pub(super) outbox: Messages,
    /// Whom to wake once this transaction is over.
    pub(super) woken: Woken,
    last_task: i64,
    last_dispatch: i64,
}

/// What is known of the node on an instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) incarnation: Option<Incarnation>,
    pub(super) last_heartbeat: Option<Timestamp>,
    pub(super) takes_work: bool,
    pub(super) version: String,
}

/// What a new task has besides what its definition says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) created: Timestamp,
    pub(super) launch_type: LaunchType,
}

/// Nothing yet, and an identity that no other store has.
impl Default for State {
    fn default() -> Self {
        // Each of these has keys of its own, drawn by the system.
        let draw = || u128::from(RandomState::new().hash_one(0));
        Self {
            control_plane: ControlPlaneId::new((draw() << 64) | draw()),
            catalogue: Catalogue::default(),
            members: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            finished: BTreeMap::new(),
            ended: BTreeSet::new(),
            graphs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            project_updates: BTreeMap::new(),
            source_updates: BTreeMap::new(),
            outbox: Messages::default(),
            woken: Woken::default(),
            last_task: 0,
            last_dispatch: 0,
        }
    }
}

impl State {
    /// Any task, finished or not.
    pub(super) fn row(&self, id: TaskId) -> Option<&Row> {
        self.unfinished.get(&id).or_else(|| self.finished.get(&id))
    }

    /// A finished task.
    pub(super) fn finished(&self, id: TaskId) -> Option<&Row> {
        self.finished.get(&id)
    }

    /// The finished tasks, those that ended last first.
    pub(super) fn latest(&self) -> impl Iterator<Item = &Row> {
        self.ended.iter().rev().filter_map(|(_, id)| self.finished.get(id))
    }

    /// The finished tasks between two places in the order of their ends.
    pub(super) fn ended(
        &self,
        after: Bound<(Timestamp, TaskId)>,
        before: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, TaskId)> {
        let from = self.ended.range((after, Bound::Unbounded)).copied();
        from.take_while(move |(finished, _)| *finished < before)
    }

    /// The jobs that a workflow job's nodes started.
    pub(super) fn jobs(&self, workflow: TaskId) -> &[TaskId] {
        self.jobs.get(&workflow).map_or(&[], Vec::as_slice)
    }

    /// Makes a new task the job of a node.
    pub(super) fn place(&mut self, job: TaskId, workflow: TaskId, node: NodeId) {
        if let Some(row) = self.unfinished.get_mut(&job) {
            row.node_of = Some((workflow, node));
            self.jobs.entry(workflow).or_default().push(job);
        }
    }

    /// Forgets a finished task, and with it all that hangs on it.
    pub(super) fn forget(&mut self, id: TaskId) {
        let finished = self.finished.remove(&id).and_then(|row| row.finished());
        if let Some(finished) = finished {
            self.ended.remove(&(finished, id));
            self.jobs.remove(&id);
        }
    }

    /// All tasks that come after this one, in the order of their ids, finished or not. Costs what comes after it.
    pub(super) fn all_after(&self, after: Option<TaskId>) -> impl Iterator<Item = &Row> {
        let from = || (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut finished = self.finished.range(from()).map(|(_, row)| row).peekable();
        let mut unfinished = self.unfinished.range(from()).map(|(_, row)| row).peekable();
        std::iter::from_fn(move || match (finished.peek(), unfinished.peek()) {
            (Some(one), Some(other)) if one.task.id > other.task.id => unfinished.next(),
            (Some(_), _) => finished.next(),
            (None, _) => unfinished.next(),
        })
    }

    /// A new pending row. The caller adds what is special about it.
    pub(super) fn insert(&mut self, filled: Filled, birth: Birth) -> &mut Row {
        self.last_task = self.last_task.saturating_add(1);
        let id = TaskId::new(self.last_task);
        let Filled { name, work, impact, groups, priority, own_keys, run, graph } = filled;
        self.graphs.extend(graph.map(|graph| (id, graph)));
        let task = Task {
            name,
            priority,
            impact,
            state: TaskState::Pending,
            launch_type: birth.launch_type,
            groups,
            own_keys,
            ..Task::new(id, birth.created, work)
        };
        self.woken.schedule = true;
        self.unfinished.entry(id).or_insert(Row::new(task, run, None))
    }

    /// Ends an unfinished task, and writes down what passes must know of its end.
    pub(super) fn finish(&mut self, id: TaskId, ended: Ended, now: Timestamp) {
        let Some(mut row) = self.unfinished.remove(&id) else { return };
        let Ended { outcome, explanation, output } = ended;
        row.task.state = TaskState::Finished { outcome, at: Some(now) };
        row.dispatch = None;
        row.explanation = explanation;
        row.output = output.filter(|output| *output != Output::default());
        row.go_on(now);
        self.note_update(&row.task, outcome, now);
        self.graphs.remove(&id);
        let node =
            row.node_of.and_then(|(workflow, node)| self.graphs.get_mut(&workflow)?.nodes.get_mut(&node));
        if let Some(node) = node {
            node.progress = Progress::Ended { task: id, outcome };
        }
        self.ended.insert((now, id));
        self.finished.insert(id, row);
        self.woken.schedule = true;
    }

    /// The update that finished last (R4.2).
    fn note_update(&mut self, task: &Task, outcome: Outcome, now: Timestamp) {
        if task.launch_type == LaunchType::Sync {
            return;
        }
        let last = LastUpdate { task: task.id, outcome, at: Some(now) };
        match task.work {
            Work::ProjectUpdate { project: Some(project), job_type: ProjectUpdateType::Check } => {
                keep_latest(&mut self.project_updates, project, last);
            }
            Work::InventoryUpdate { source: Some(source), .. } => {
                keep_latest(&mut self.source_updates, source, last);
            }
            _ => {}
        }
    }

    /// Sends an unfinished task to this place under a new dispatch: `waiting`, with a message in the outbox (R12.4).
    pub(super) fn dispatch(&mut self, id: TaskId, placement: Placement, now: Timestamp) -> bool {
        let Some(row) = self.unfinished.get_mut(&id) else { return false };
        let Some(run) = row.run.clone() else { return false };
        self.last_dispatch = self.last_dispatch.saturating_add(1);
        let dispatch = DispatchId::new(self.last_dispatch);
        row.task.state = TaskState::Waiting(Box::new(Dispatch { id: dispatch, since: now, placement }));
        row.dispatch = Some(dispatch);
        row.dispatched = Some(now);
        row.placement = placement;
        row.go_on(now);
        let message = crate::ports::Dispatch {
            task: id,
            dispatch,
            kind: row.task.kind(),
            handler: run.handler.clone(),
            queue: Queue::of(placement),
            trace: row.trace.clone(),
        };
        self.outbox.add(message, now);
        self.woken.outbox = true;
        true
    }

    /// A workflow job or an approval goes straight to `running` (R6.5).
    pub(super) fn start_nowhere(&mut self, id: TaskId, now: Timestamp) {
        if let Some(row) = self.unfinished.get_mut(&id) {
            row.task.state = TaskState::Running(Box::default());
            row.started = Some(now);
            row.go_on(now);
        }
    }
}

/// The one that finished last, of several the highest id.
fn keep_latest<K: Ord>(updates: &mut BTreeMap<K, LastUpdate>, key: K, last: LastUpdate) {
    let is_later = updates.get(&key).is_none_or(|known| (known.at, known.task) <= (last.at, last.task));
    if is_later {
        updates.insert(key, last);
    }
}
