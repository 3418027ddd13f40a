//! What happens outside of passes: people launch and cancel, tasks end, machines come and go.

use scheduler_core::{InstanceId, LastUpdate, Outcome, Progress, State, Task, TaskId, Work};

use super::SimulationError;
use super::agenda::Event;
use super::room::Room;
use super::store::{BarId, Ended, Source};
use super::world::World;
use crate::change::Change;
use crate::workload::Standing;
use crate::{Cluster, Moment};

impl World<'_> {
    /// Everything that is launched by now.
    pub(super) fn launches(&mut self) {
        let workload = self.workload;
        let to_come = workload.launches.get(self.launched..).unwrap_or_default();
        let at_once = to_come.partition_point(|launch| launch.at <= self.now);
        if at_once > self.snapshot.tasks.len() {
            self.store.expect(&mut self.snapshot.tasks, at_once);
        }
        while let Some(launch) = workload.launches.get(self.launched).filter(|launch| launch.at <= self.now) {
            let position = u32::try_from(self.launched).unwrap_or(u32::MAX);
            self.launched = self.launched.saturating_add(1);
            let mut task = launch.task.clone();
            task.state = State::Pending;
            let id = self.arrive(task, launch.at, Source::Launch(position));
            if let Some(at) = launch.cancel_at {
                self.agenda.add(at.max(self.now), Event::Cancel(id));
            }
        }
    }

    /// A new pending task.
    pub(super) fn arrive(&mut self, mut task: Task, launched: Moment, source: Source) -> BarId {
        let named = task.dependencies.clone();
        self.settle_dependencies(&mut task);
        self.claims.enter(self.rules, &task);
        self.due = true;
        self.seen = self.seen.saturating_add(1);
        let id = self.store.enter(&mut self.snapshot.tasks, task, launched, source);
        if let Some(bar) = self.store.bar_mut(id) {
            bar.dependencies = named;
        }
        id
    }

    /// A dependency that was successful holds nobody up any more, and has no row; one that waits out of sight gets its row back,
    /// and so does one that failed.
    pub(super) fn settle_dependencies(&mut self, task: &mut Task) {
        let mut dependencies = std::mem::take(&mut task.dependencies);
        dependencies.retain(|&on| !self.is_settled(on));
        task.dependencies = dependencies;
    }

    /// Whether a dependency was successful.
    pub(super) fn is_settled(&mut self, on: TaskId) -> bool {
        let Some(id) = self.store.find(on) else { return false };
        match self.store.bar(id).and_then(|bar| bar.outcome) {
            Some(Outcome::Successful) => true,
            Some(outcome) => {
                self.remember(id, outcome);
                false
            }
            None => {
                self.reveal(id);
                false
            }
        }
    }

    /// Gives a task that ended badly its row back, for those who depend on it.
    fn remember(&mut self, id: BarId, outcome: Outcome) {
        if self.store.row(id).is_some() {
            return;
        }
        let like = match self.store.source(id) {
            Some(Source::Launch(at)) => self.workload.launches.get(*at as usize).map(|launch| &launch.task),
            Some(Source::Standing(at)) => self.workload.standing.get(*at as usize).map(|one| &one.task),
            Some(Source::Created(_)) | None => None,
        };
        if let Some(mut task) = like.cloned() {
            task.state = State::Finished { outcome, at: None };
            self.store.put(&mut self.snapshot.tasks, id, task);
        }
    }

    /// A task that is there at the beginning.
    pub(super) fn stand(&mut self, position: u32, standing: &Standing) {
        let mut task = standing.task.clone();
        let source = Source::Standing(position);
        let launched = Moment::of(task.created, self.workload.start);
        let dispatched = match &task.state {
            State::Waiting(dispatch) => Some((dispatch.placement, dispatch.since)),
            _ => None,
        };
        let started = standing
            .started
            .or_else(|| dispatched.map(|(_, since)| Moment::of(since, self.workload.start)))
            .unwrap_or(Moment::START);
        if let Some((placement, _)) = dispatched {
            task.state = State::Running(Box::new(placement));
        }
        let (holding, finished) = (task.state.is_holding(), !task.state.is_unfinished());
        let (id, kind) = (task.id, task.kind());
        if !finished {
            self.claims.enter(self.rules, &task);
        }
        self.seen = self.seen.saturating_add(usize::from(!holding && !finished));
        self.standing = self.standing.saturating_add(usize::from(!holding && !finished));
        let placement = task.state.placement().copied();
        let outcome = match task.state {
            State::Finished { outcome, .. } => Some(outcome),
            _ => None,
        };
        let bar = self.store.enter(&mut self.snapshot.tasks, task, launched, source);
        let workflow = self.nodes.get(&id).map(|(workflow, _)| *workflow);
        let shared = self.store.shared(placement.unwrap_or_default());
        if let Some(bar) = self.store.bar_mut(bar) {
            bar.workflow = workflow;
            bar.outcome = outcome;
            bar.finished = outcome.map(|_| Moment::START.min(launched.max(Moment::START)));
            if holding {
                bar.started = Some(started);
                bar.placement = shared;
            }
        }
        self.finished = self.finished.saturating_add(usize::from(finished));
        if holding && kind == scheduler_core::Kind::WorkflowJob {
            self.workflows = self.workflows.saturating_add(1);
        } else if holding {
            self.schedule_end(bar, started);
        }
    }

    /// A task that runs comes to its own end.
    pub(super) fn end_by_itself(&mut self, id: BarId, outcome: Outcome) {
        if self.store.bar(id).is_some_and(|bar| bar.finished.is_none()) {
            self.finish(id, outcome);
        }
    }

    /// A task is over, however: everything that it held is free, and everybody who must know is told.
    pub(super) fn finish(&mut self, id: BarId, outcome: Outcome) {
        self.due = true;
        let Some(row) = self.reveal(id) else { return };
        let Some(task) = self.snapshot.tasks.get(row) else { return };
        let (key, work, dependencies) = (task.id, task.work.clone(), task.dependencies.clone());
        let real_update = task.launch_type != scheduler_core::LaunchType::Sync;
        let (placement, cost) = (task.state.placement().copied(), task.cost());
        self.claims.leave(self.rules, task);
        match placement {
            Some(placement) => self.room.leave(&placement, cost),
            None => {
                self.leave_pending(id);
                self.store.release(&mut self.snapshot.tasks, &dependencies);
            }
        }
        let ended = Ended { at: self.now, on_calendar: self.now.on_calendar(self.workload.start) };
        self.store.finish(&mut self.snapshot.tasks, id, outcome, ended);
        self.finished = self.finished.saturating_add(1);
        if real_update {
            self.note_update(&work, LastUpdate { task: key, outcome, at: Some(ended.on_calendar) });
        }
        self.tell_workflow(key, outcome);
        if matches!(work, Work::WorkflowJob { .. }) && placement.is_some() {
            self.workflows = self.workflows.saturating_sub(1);
            self.drop_graph(key);
        }
    }

    /// Projects and sources remember their last update (R4.2).
    fn note_update(&mut self, work: &Work, last: LastUpdate) {
        match work {
            Work::ProjectUpdate { project: Some(id), job_type: scheduler_core::ProjectUpdateType::Check } => {
                let projects = self.snapshot.projects.iter_mut();
                projects
                    .filter(|project| project.id == *id)
                    .for_each(|project| project.last_update = Some(last));
            }
            Work::InventoryUpdate { source: Some(id), .. } => {
                let sources = self.snapshot.inventory_sources.iter_mut();
                sources.filter(|source| source.id == *id).for_each(|source| source.last_update = Some(last));
            }
            _ => {}
        }
    }

    /// The node of a job that ended remembers how; its workflow wants a pass.
    fn tell_workflow(&mut self, task: TaskId, outcome: Outcome) {
        let Some((workflow, node)) = self.nodes.remove(&task) else { return };
        self.restless = true;
        let position = self.graphs.get(&workflow).map(|(position, _)| *position);
        let graph = position.and_then(|position| self.snapshot.graphs.get_mut(position));
        if let Some(node) = graph.and_then(|graph| graph.nodes.iter_mut().find(|one| one.id == node)) {
            node.progress = Progress::Ended { task, outcome };
        }
    }

    /// Somebody asks to cancel: what runs obeys at once, the rest is for the pass (R8.3).
    pub(super) fn cancel(&mut self, id: BarId) {
        if self.store.bar(id).is_none_or(|bar| bar.finished.is_some()) {
            return;
        }
        let Some(row) = self.reveal(id) else { return };
        let Some(task) = self.snapshot.tasks.get_mut(row) else { return };
        task.cancel_requested = true;
        (self.due, self.restless) = (true, true);
        if task.state.is_holding() && task.kind().needs_place() {
            self.finish(id, Outcome::Canceled);
        }
    }

    /// Every task that somebody asks to cancel by now.
    pub(super) fn cancels(&mut self) {
        let workload = self.workload;
        while let Some(cancel) = workload.cancels.get(self.asked).filter(|cancel| cancel.at <= self.now) {
            self.asked = self.asked.saturating_add(1);
            if let Some(id) = self.store.find(cancel.task) {
                self.cancel(id);
            }
        }
    }

    /// Everything that changes about the cluster by now.
    pub(super) fn changes(&mut self) -> Result<(), SimulationError> {
        let workload = self.workload;
        let mut any = false;
        while let Some(timed) = workload.changes.get(self.changed).filter(|timed| timed.at <= self.now) {
            self.changed = self.changed.saturating_add(1);
            any = true;
            self.change(&timed.change).map_err(|source| SimulationError::Change { at: timed.at, source })?;
        }
        if any {
            (self.due, self.restless) = (true, true);
            let holding = self.snapshot.tasks.iter().filter(|task| task.state.is_holding());
            self.room = Room::open(self.rules, &self.snapshot.instances, &self.snapshot.groups, holding);
            self.note_capacities();
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) -> Result<(), crate::change::ChangeError> {
        let mut cluster = Cluster {
            instances: std::mem::take(&mut self.snapshot.instances),
            groups: std::mem::take(&mut self.snapshot.groups),
            ..Cluster::default()
        };
        let last = self.capacities.iter().filter_map(|capacity| capacity.of.instance()).max();
        let applied = cluster.apply_after(change, last.unwrap_or(InstanceId::new(0)));
        (self.snapshot.instances, self.snapshot.groups) = (cluster.instances, cluster.groups);
        if let Change::LoseInstance { hostname } = change {
            let silent = self.snapshot.instances.iter_mut().find(|instance| instance.hostname == *hostname);
            if let Some(instance) = silent {
                instance.last_heartbeat = Some(self.now.on_calendar(self.workload.start));
                self.lost.push(instance.id);
                self.agenda.add(self.now.after(self.until_lost()), Event::Wake);
            }
        }
        applied
    }
}
