//! Applies plans to a snapshot and lets virtual time pass: what a store, a broker and workers do together, without any of
//! them.
//!
//! Every write of a plan is applied at once and whole; a task that was dispatched is taken up in the same moment and ends
//! when the catalogue says. Costs a look through all rows for each change, which a few dozen rows can bear.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::TimeDelta;
use scheduler_core::{
    Action, Create, Derived, Dispatch, DispatchId, LastUpdate, LaunchType, NodeDecision, NodeStep, Outcome,
    Place, Plan, Priority, Progress, Snapshot, State, Task, TaskId, TaskRef, Then, Timestamp, Work,
};
use thin_vec::ThinVec;

use super::catalogue::{self, look_up};

/// The world that a plan changes.
#[derive(Debug)]
pub(super) struct Executor {
    /// What the next pass is given.
    pub(super) snapshot: Snapshot,
    /// What people will launch, in order.
    launches: VecDeque<(Timestamp, Work)>,
    /// What will end, and how.
    ends: BTreeMap<(Timestamp, TaskId), Outcome>,
    last_task: i64,
    last_dispatch: i64,
}

/// What happened outside of passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Somebody launched this task.
    Launched(TaskId),
    /// This task ended.
    Ended(TaskId, Outcome),
}

impl Executor {
    /// A world in which nothing was launched yet.
    pub(super) fn new(snapshot: Snapshot, launches: impl IntoIterator<Item = (i64, Work)>) -> Self {
        let start = snapshot.now;
        let launches = launches.into_iter().map(|(seconds, work)| (later(start, seconds), work)).collect();
        Self { snapshot, launches, ends: BTreeMap::new(), last_task: 0, last_dispatch: 0 }
    }

    /// A task by its id.
    pub(super) fn task(&self, id: TaskId) -> Option<&Task> {
        self.snapshot.tasks.iter().find(|task| task.id == id)
    }

    /// Lets time pass to the next moment at which something happens, and lets it happen. `None` when nothing ever will again.
    pub(super) fn advance(&mut self) -> Option<Vec<Event>> {
        let next_launch = self.launches.front().map(|(at, _)| *at);
        let next_end = self.ends.keys().next().map(|(at, _)| *at);
        let now = next_launch.into_iter().chain(next_end).min()?;
        self.snapshot.now = now;
        for instance in &mut self.snapshot.instances {
            instance.last_heartbeat = Some(now);
        }
        let mut events = Vec::new();
        while let Some(entry) = self.ends.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, task), outcome) = entry.remove_entry();
            self.finish(task, outcome);
            events.push(Event::Ended(task, outcome));
        }
        while self.launches.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, work)) = self.launches.pop_front()
        {
            events.push(Event::Launched(self.launch(work)));
        }
        Some(events)
    }

    fn launch(&mut self, work: Work) -> TaskId {
        let id = self.next_task();
        let now = self.snapshot.now;
        self.snapshot.tasks.push(row(id, work, now, LaunchType::Manual));
        id
    }

    fn next_task(&mut self) -> TaskId {
        self.last_task += 1;
        TaskId::new(self.last_task)
    }

    /// Applies a plan. Returns the ids of the tasks that it created, in its order.
    pub(super) fn apply(&mut self, plan: &Plan) -> Vec<TaskId> {
        let created: Vec<TaskId> = plan.creates.iter().map(|_| self.next_task()).collect();
        for (create, &id) in plan.creates.iter().zip(&created) {
            self.create(create, id, &created);
        }
        for Derived { task, links } in &plan.derived {
            let links: Vec<TaskId> = links.iter().filter_map(|&link| resolve(link, &created)).collect();
            self.change(*task, |row| {
                row.dependencies_derived = true;
                row.dependencies.extend(links);
            });
        }
        for decision in &plan.nodes {
            self.advance_node(decision, &created);
        }
        for decision in &plan.decisions {
            self.decide(decision.task, &decision.action);
        }
        self.take_up();
        self.forget();
        created
    }

    fn create(&mut self, create: &Create, id: TaskId, created: &[TaskId]) {
        let now = self.snapshot.now;
        let mut task = row(id, create.work.clone(), create.created.unwrap_or(now), create.launch_type);
        task.priority = create.priority;
        task.dependencies = create.dependencies.iter().filter_map(|&link| resolve(link, created)).collect();
        task.dependencies_derived = create.dependencies_derived;
        if create.failed.is_some() {
            task.state = State::Finished { outcome: Outcome::Failed, at: Some(now) };
        }
        self.snapshot.tasks.push(task);
    }

    fn advance_node(&mut self, decision: &NodeDecision, created: &[TaskId]) {
        let progress = match &decision.step {
            NodeStep::Run(create) => created.get(create.position()).map(|&task| Progress::Job(task)),
            NodeStep::Skip(_) => Some(Progress::Skipped),
            NodeStep::TemplateMissing => Some(Progress::TemplateMissing),
        };
        let graphs = self.snapshot.graphs.iter_mut().filter(|graph| graph.workflow == decision.workflow);
        let node = graphs.flat_map(|graph| &mut graph.nodes).find(|node| node.id == decision.node);
        if let (Some(node), Some(progress)) = (node, progress) {
            node.progress = progress;
        }
    }

    fn decide(&mut self, task: TaskId, action: &Action) {
        match action {
            Action::Start(place) => self.start(task, *place),
            Action::End(end) => self.finish(task, end.outcome()),
            Action::TakeBack(back) => match &back.then {
                Then::Start(place) => self.start(task, *place),
                Then::Hold(_) => self.change(task, |row| row.state = State::Pending),
                Then::End(end) => self.finish(task, end.outcome()),
            },
            Action::RequestCancel { .. } => {
                self.change(task, |row| row.cancel_requested = true);
                // The worker obeys at once.
                self.ends.retain(|(_, ending), _| *ending != task);
                self.ends.insert((self.snapshot.now, task), Outcome::Canceled);
            }
            // Every dispatch is taken up in its own moment, so that none is ever sent again.
            Action::Redispatch(_) | Action::Hold(_) | Action::Leave(_) => {}
        }
    }

    fn start(&mut self, task: TaskId, place: Place) {
        self.last_dispatch += 1;
        let id = DispatchId::new(self.last_dispatch);
        let since = self.snapshot.now;
        let mut graph = None;
        self.change(task, |row| {
            if matches!(row.work, Work::WorkflowJob { .. }) {
                graph = Some(catalogue::release_graph(task));
            }
            row.state = match place {
                Place::Nowhere => State::Running(Box::default()),
                elsewhere => State::Waiting(Box::new(Dispatch { id, since, placement: elsewhere.into() })),
            };
        });
        self.snapshot.graphs.extend(graph);
        self.schedule_end(task);
    }

    /// When a started task ends by itself; a workflow job ends in a pass.
    fn schedule_end(&mut self, id: TaskId) {
        let Some(task) = self.task(id) else { return };
        if !matches!(task.work, Work::WorkflowJob { .. }) {
            let entry = look_up(&task.work);
            self.ends.insert((later(self.snapshot.now, entry.seconds), id), entry.outcome);
        }
    }

    fn take_up(&mut self) {
        for task in &mut self.snapshot.tasks {
            if let State::Waiting(dispatch) = &task.state {
                task.state = State::Running(Box::new(dispatch.placement));
            }
        }
    }

    fn finish(&mut self, id: TaskId, outcome: Outcome) {
        let now = self.snapshot.now;
        self.ends.retain(|(_, task), _| *task != id);
        self.change(id, |row| row.state = State::Finished { outcome, at: Some(now) });
        let Some(work) = self.task(id).map(|task| task.work.clone()) else { return };
        let last = Some(LastUpdate { task: id, outcome, at: Some(now) });
        match work {
            Work::ProjectUpdate { project, .. } => {
                let projects = self.snapshot.projects.iter_mut();
                projects.filter(|row| Some(row.id) == project).for_each(|row| row.last_update = last);
            }
            Work::InventoryUpdate { source, .. } => {
                let sources = self.snapshot.inventory_sources.iter_mut();
                sources.filter(|row| Some(row.id) == source).for_each(|row| row.last_update = last);
            }
            _ => {}
        }
    }

    /// Drops what a snapshot need not hold: finished tasks on which none depends, and graphs of workflows that ended.
    fn forget(&mut self) {
        let ended: BTreeMap<TaskId, Outcome> = self
            .snapshot
            .tasks
            .iter()
            .filter_map(|task| match task.state {
                State::Finished { outcome, .. } => Some((task.id, outcome)),
                _ => None,
            })
            .collect();
        self.snapshot.graphs.retain(|graph| !ended.contains_key(&graph.workflow));
        for node in self.snapshot.graphs.iter_mut().flat_map(|graph| &mut graph.nodes) {
            if let Progress::Job(task) = node.progress
                && let Some(&outcome) = ended.get(&task)
            {
                node.progress = Progress::Ended { task, outcome };
            }
        }
        let unfinished = self.snapshot.tasks.iter().filter(|task| task.state.is_unfinished());
        let awaited: BTreeSet<TaskId> =
            unfinished.flat_map(|task| task.dependencies.iter().copied()).collect();
        self.snapshot.tasks.retain(|task| task.state.is_unfinished() || awaited.contains(&task.id));
    }

    fn change(&mut self, id: TaskId, how: impl FnOnce(&mut Task)) {
        if let Some(task) = self.snapshot.tasks.iter_mut().find(|task| task.id == id) {
            how(task);
        }
    }
}

fn row(id: TaskId, work: Work, created: Timestamp, launch_type: LaunchType) -> Task {
    let entry = look_up(&work);
    Task {
        id,
        name: entry.name.into(),
        created,
        priority: Priority::default(),
        impact: entry.impact,
        work,
        state: State::Pending,
        launch_type,
        groups: entry.groups.into(),
        dependencies: ThinVec::new(),
        dependencies_derived: false,
        cancel_requested: false,
        own_keys: ThinVec::new(),
    }
}

fn resolve(link: TaskRef, created: &[TaskId]) -> Option<TaskId> {
    match link {
        TaskRef::Task { id, .. } => Some(id),
        TaskRef::New { id, .. } => created.get(id.position()).copied(),
    }
}

/// A moment so many seconds later; the demonstration's seconds stay on the calendar.
pub(super) fn later(than: Timestamp, seconds: i64) -> Timestamp {
    than.checked_add_signed(TimeDelta::seconds(seconds)).unwrap_or(than)
}
