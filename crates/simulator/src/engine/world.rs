//! The world that passes see and change: the snapshot, kept from pass to pass, and what is known besides.

use rustc_hash::FxHashMap;
use scheduler_core::{
    Graph, Instance, InstanceId, Malformed, NodeId, RuleSet, Snapshot, State, Task, TaskId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::agenda::{Agenda, Event};
use super::claims::Claims;
use super::queue::Queue;
use super::room::Room;
use super::store::{BarId, Source, Store};
use super::{Options, SimulationError};
use crate::outcome::{Capacity, Outcome, PassRecord, Stuck, Why};
use crate::workload::{GraphTemplate, TemplateKey};
use crate::{Cluster, Moment, Seed, Workload};

/// Everything that there is at a moment.
pub(super) struct World<'w> {
    pub(super) workload: &'w Workload,
    pub(super) rules: &'w RuleSet,
    pub(super) seed: Seed,
    pub(super) now: Moment,
    pub(super) snapshot: Snapshot,
    pub(super) store: Store,
    pub(super) agenda: Agenda,
    pub(super) queue: Queue,
    pub(super) room: Room,
    pub(super) claims: Claims,
    /// Which launch, which change and which cancel comes next.
    pub(super) launched: usize,
    pub(super) changed: usize,
    pub(super) asked: usize,
    /// Something happened that only a pass can answer.
    pub(super) due: bool,
    /// A pass must look, whoever is pending.
    pub(super) restless: bool,
    /// Pending rows among those that the pass sees.
    pub(super) seen: usize,
    pub(super) workflows: usize,
    /// How many of the tasks that were there at the beginning are still pending.
    pub(super) standing: usize,
    pub(super) finished: usize,
    pub(super) last_task: i64,
    /// The graph of each running workflow job: its position among the snapshot's, and its template.
    pub(super) graphs: FxHashMap<TaskId, (usize, Option<Arc<GraphTemplate>>)>,
    /// The workflow job and the node of each node's job.
    pub(super) nodes: FxHashMap<TaskId, (TaskId, NodeId)>,
    pub(super) malformed: BTreeMap<TaskId, Malformed>,
    pub(super) lost: Vec<InstanceId>,
    pub(super) capacities: Vec<Capacity>,
    see_all_up_to: usize,
    heard: Option<Moment>,
}

impl<'w> World<'w> {
    /// The world as the workload begins.
    pub(super) fn new(workload: &'w Workload, rules: &'w RuleSet, options: Options) -> Self {
        let Cluster { instances, groups, projects, sources } = workload.cluster.clone();
        let snapshot = Snapshot {
            now: workload.start,
            instances,
            groups,
            projects,
            inventory_sources: sources,
            ..Snapshot::default()
        };
        let holding = workload.standing.iter().map(|one| &one.task).filter(|task| task.state.is_holding());
        let room = Room::open(rules, &snapshot.instances, &snapshot.groups, holding);
        // What is lost at the beginning stays lost (R8.1); who was never heard of has a heartbeat for the simulation to give.
        let silent = |instance: &&Instance| {
            instance
                .last_heartbeat
                .is_some_and(|beat| rules.heartbeat_grace.elapsed_since(beat, workload.start))
        };
        let lost = snapshot.instances.iter().filter(silent).map(|instance| instance.id).collect();
        let ids = workload.standing.iter().map(|one| one.task.id);
        let ids = ids.chain(workload.launches.iter().map(|one| one.task.id));
        let mut world = Self {
            workload,
            rules,
            seed: options.seed,
            now: Moment::START,
            room,
            snapshot,
            store: Store::with_capacity(workload.len()),
            agenda: Agenda::default(),
            queue: Queue::default(),
            claims: Claims::default(),
            launched: 0,
            changed: 0,
            asked: 0,
            due: true,
            restless: true,
            seen: 0,
            workflows: 0,
            standing: 0,
            finished: 0,
            last_task: ids.map(TaskId::get).max().unwrap_or(0),
            graphs: FxHashMap::default(),
            nodes: FxHashMap::default(),
            malformed: BTreeMap::new(),
            lost,
            capacities: Vec::new(),
            see_all_up_to: options.see_all_up_to,
            heard: None,
        };
        world.note_capacities();
        for graph in &workload.graphs {
            world.enter_graph(graph.clone(), None);
        }
        for (position, standing) in (0..).zip(&workload.standing) {
            world.stand(position, standing);
        }
        world
    }

    /// How many tasks are pending.
    pub(super) fn pending(&self) -> usize {
        self.seen.saturating_add(self.queue.len())
    }

    pub(super) fn finished(&self) -> usize {
        self.finished
    }

    /// How many tasks there are and will be, as far as is known.
    pub(super) fn tasks(&self) -> usize {
        let to_come = self.workload.launches.len().saturating_sub(self.launched);
        self.store.len().saturating_add(to_come)
    }

    /// Whether a pass could change anything.
    pub(super) fn is_due(&self) -> bool {
        self.due && (self.restless || self.pending() > 0)
    }

    /// Whether a task that was there at the beginning is still pending.
    pub(super) fn is_standing_pending(&self) -> bool {
        self.standing > 0
    }

    /// A task is not pending any more.
    pub(super) fn leave_pending(&mut self, id: BarId) {
        self.seen = self.seen.saturating_sub(1);
        if matches!(self.store.source(id), Some(Source::Standing(_))) {
            self.standing = self.standing.saturating_sub(1);
        }
    }

    /// The passes of this moment are over.
    pub(super) fn rest(&mut self) {
        (self.due, self.restless) = (false, false);
        self.put_aside();
    }

    /// Brings before the next pass whom it must see; all of them in a survey, or when they are few. Says whether the pass could
    /// change anything; when not, it is left out.
    pub(super) fn call(&mut self, survey: bool) -> bool {
        let mut called = Vec::new();
        let startable = if survey || self.pending() <= self.see_all_up_to {
            self.queue.drain(&mut called);
            !called.is_empty()
        } else {
            self.queue.call(self.rules, &self.room, &self.claims, &mut called)
        };
        let others = self.seen > 0;
        self.show(&called);
        self.prepare(others || startable)
    }

    /// Gives tasks that waited out of sight their rows back.
    fn show(&mut self, ids: &[BarId]) {
        for &id in ids {
            if let Some(task) = self.plain_row(id) {
                self.store.put(&mut self.snapshot.tasks, id, task);
                self.seen = self.seen.saturating_add(1);
            }
        }
    }

    /// The row of a task that waits out of sight. Nothing has changed about it since its launch but that a pass has looked at it.
    fn plain_row(&self, id: BarId) -> Option<Task> {
        let mut task = match self.store.source(id)? {
            Source::Launch(at) => self.workload.launches.get(*at as usize)?.task.clone(),
            Source::Standing(at) => self.workload.standing.get(*at as usize)?.task.clone(),
            Source::Created(_) => return None,
        };
        task.state = State::Pending;
        task.dependencies_derived = true;
        task.dependencies.clear();
        Some(task)
    }

    /// Sets the clock of the snapshot and the heartbeats; says whether the pass is worth its while.
    fn prepare(&mut self, pending: bool) -> bool {
        let worth = pending || self.restless;
        if !worth {
            self.due = false;
            self.put_aside();
            return false;
        }
        self.snapshot.now = self.now.on_calendar(self.workload.start);
        let old = self.heard.is_none_or(|heard| {
            self.now.since(heard).millis() > u64::from(self.rules.heartbeat_grace.get()).saturating_mul(500)
        });
        if old || self.restless {
            self.heard = Some(self.now);
            for instance in &mut self.snapshot.instances {
                if !self.lost.contains(&instance.id) {
                    instance.last_heartbeat = Some(self.snapshot.now);
                }
            }
        }
        true
    }

    /// Takes plain tasks that were held out of the snapshot, when they are many.
    fn put_aside(&mut self) {
        if self.pending() <= self.see_all_up_to || self.seen == 0 {
            return;
        }
        let mut row = 0;
        while let Some(task) = self.snapshot.tasks.get(row) {
            let plain = task.state == State::Pending && Queue::admits(task);
            let id = self.store.bar_of_row(row).filter(|&id| {
                plain
                    && !self.store.is_awaited(task.id)
                    && !matches!(self.store.source(id), Some(Source::Created(_)) | None)
                    && self
                        .store
                        .bar(id)
                        .is_some_and(|bar| bar.considered.is_some() && bar.workflow.is_none())
            });
            match id.and_then(|id| Some((id, self.store.take(&mut self.snapshot.tasks, id)?))) {
                Some((id, task)) => {
                    self.seen = self.seen.saturating_sub(1);
                    self.queue.park(self.rules, &mut self.claims, &task, id);
                }
                None => row += 1,
            }
        }
    }

    /// The row of a task that is to be changed: one that waits out of sight is brought back.
    pub(super) fn reveal(&mut self, id: BarId) -> Option<usize> {
        if self.store.row(id).is_none() {
            let task = self.plain_row(id)?;
            if self.queue.take(&task, id) {
                self.show(&[id]);
            }
        }
        self.store.row(id)
    }

    /// Adds the graph of a running workflow job.
    pub(super) fn enter_graph(&mut self, graph: Graph, template: Option<Arc<GraphTemplate>>) {
        self.graphs.insert(graph.workflow, (self.snapshot.graphs.len(), template));
        for node in &graph.nodes {
            if let Some(job) = node.progress.job() {
                self.nodes.insert(job, (graph.workflow, node.id));
            }
        }
        self.snapshot.graphs.push(graph);
    }

    /// Drops the graph of a workflow job that ended.
    pub(super) fn drop_graph(&mut self, workflow: TaskId) {
        let Some((position, _)) = self.graphs.remove(&workflow) else { return };
        if position < self.snapshot.graphs.len() {
            self.snapshot.graphs.swap_remove(position);
        }
        if let Some(moved) = self.snapshot.graphs.get(position)
            && let Some(known) = self.graphs.get_mut(&moved.workflow)
        {
            known.0 = position;
        }
    }

    /// The graph that a workflow job of this template runs.
    pub(super) fn graph_of(&self, key: Option<TemplateKey>) -> Option<Arc<GraphTemplate>> {
        self.workload.catalogue.get(&key?)?.graph.clone()
    }

    /// Notes what every instance and group has from now on, where that is new.
    pub(super) fn note_capacities(&mut self) {
        let known = std::mem::take(&mut self.capacities);
        self.capacities = Capacity::noted(known, self.now, &self.snapshot.instances, &self.snapshot.groups);
    }

    /// After how long of silence an instance is lost, and a little.
    pub(super) fn until_lost(&self) -> crate::Span {
        crate::Span::from_millis(
            u64::from(self.rules.heartbeat_grace.get()).saturating_mul(1000).saturating_add(1),
        )
    }

    /// The next event of any kind.
    pub(super) fn next_event(&self) -> Option<Moment> {
        let launch = self.workload.launches.get(self.launched).map(|launch| launch.at);
        let change = self.workload.changes.get(self.changed).map(|change| change.at);
        let cancel = self.workload.cancels.get(self.asked).map(|cancel| cancel.at);
        let own = self.agenda.next();
        [launch, change, cancel, own].into_iter().flatten().min()
    }

    /// Lets time go by to a moment, and everything happen that happens by then.
    pub(super) fn happen(&mut self, moment: Moment) -> Result<(), SimulationError> {
        self.now = self.now.max(moment);
        while let Some(event) = self.agenda.pop_by(self.now) {
            match event {
                Event::End(id, outcome) => self.end_by_itself(id, outcome),
                Event::Cancel(id) => self.cancel(id),
                Event::Wake => (self.due, self.restless) = (true, true),
            }
        }
        self.changes()?;
        self.launches();
        self.cancels();
        Ok(())
    }

    /// What came of it all.
    pub(super) fn into_outcome(mut self, seed: Seed, passes: Vec<PassRecord>, audited: usize) -> Outcome {
        self.store.close(self.now);
        let unfinished = self.store.bars().filter(|(_, bar)| bar.finished.is_none());
        let stuck = unfinished.map(|(_, bar)| Stuck {
            task: bar.task,
            why: match (bar.started, bar.waits.last(), self.malformed.get(&bar.task)) {
                (Some(_), _, Some(malformed)) => Why::Malformed(malformed.clone()),
                (Some(_), _, None) => Why::StillRuns,
                (None, Some(wait), _) => Why::Waits(wait.reason),
                (None, None, _) => Why::NotConsidered,
            },
        });
        let stuck: Vec<Stuck> = stuck.collect();
        Outcome {
            workload: self.workload.name.clone(),
            rules: self.rules.name.clone(),
            seed,
            start: self.workload.start,
            end: self.now,
            control_impact: self
                .rules
                .control_plane
                .map_or(scheduler_core::Forks::ZERO, |plane| plane.impact),
            capacities: self.capacities,
            passes,
            audited,
            stuck,
            timeline: self.store.into_timeline(),
        }
    }
}
