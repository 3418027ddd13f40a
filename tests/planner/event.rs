//! Random histories: what can happen to a cluster, in any order, sensible or not.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use scheduler_core::{
    Change, Create, Dispatch, DispatchId, Fill, Forks, Outcome, Priority, RuleSet, Seconds, Snapshot, State,
    Task, TaskCount, TaskId, plan, strategies,
};

/// What happens, and what is asked afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    what: What,
    asks_first: bool,
    steps: bool,
}

#[derive(Clone, Debug)]
enum What {
    /// Rows come from elsewhere, by their ids new or not.
    Rows(Vec<Index>),
    /// A task like another one is launched.
    Like(Index, i64, i32),
    /// A task has another impact, priority or age.
    Altered(Index, u32, i32, i64),
    Ends(Index, Outcome),
    Gone(Index),
    TakenUp(Index),
    /// A store commits so many of the starts, in this order or the other.
    Starts(usize, bool),
    /// A store commits the whole plan.
    Commits,
    Ticks(i64),
    Beats(Index),
    Toggled(Index),
    Resized(Index, u32),
    Limited(Index, u32, u32),
    InstanceGone(Index),
    GroupGone(Index),
    ProjectGone(Index),
    SourceGone(Index),
    GraphsGone,
    /// Other rules count, or those from before again.
    Rules,
    /// Rows come once more as they are.
    Again,
    /// What is not there is gone.
    Nonsense,
    /// Everything that only a full pass decides is settled.
    Calms,
}

impl Event {
    pub(crate) fn asks_first(&self) -> bool {
        self.asks_first
    }

    pub(crate) fn steps(&self) -> bool {
        self.steps
    }

    /// The changes that it makes in this state.
    pub(crate) fn changes(&self, snapshot: &Snapshot, rules: &RuleSet, elsewhere: &Elsewhere) -> Vec<Change> {
        match &self.what {
            What::Rows(chosen) => chosen.iter().map(|one| one.get(&elsewhere.rows).clone()).collect(),
            What::Like(..) | What::Altered(..) | What::Ends(..) | What::Gone(_) | What::TakenUp(_) => {
                self.of_task(snapshot).into_iter().collect()
            }
            What::Starts(count, forwards) => starts(snapshot, rules, *count, *forwards),
            What::Commits => commits(snapshot, rules),
            What::Ticks(seconds) => {
                let now = snapshot.now.checked_add_signed(TimeDelta::seconds(*seconds));
                now.map(Change::Clock).into_iter().collect()
            }
            What::Rules => {
                let other = elsewhere.rules.iter().find(|other| *other != rules);
                other.map(|other| Change::Rules(Box::new(other.clone()))).into_iter().collect()
            }
            What::Again => {
                let tasks = snapshot.tasks.iter().cloned().map(Change::Task);
                tasks.chain(snapshot.instances.iter().cloned().map(Change::Instance)).collect()
            }
            What::Nonsense => nonsense(),
            What::Calms => calms(snapshot),
            _ => self.of_cluster(snapshot).into_iter().collect(),
        }
    }

    fn of_task(&self, snapshot: &Snapshot) -> Option<Change> {
        let one = |index: &Index| (!snapshot.tasks.is_empty()).then(|| index.get(&snapshot.tasks).clone());
        match &self.what {
            What::Like(index, id, older) => {
                let like = one(index)?;
                let created = like.created.checked_add_signed(TimeDelta::seconds(i64::from(*older)))?;
                Some(Change::Task(Task { id: TaskId::new(*id), state: State::Pending, created, ..like }))
            }
            What::Altered(index, impact, priority, seconds) => {
                let task = one(index)?;
                let created = task.created.checked_add_signed(TimeDelta::seconds(*seconds))?;
                let (impact, priority) = (Forks::new(*impact), Priority::new(*priority));
                Some(Change::Task(Task { impact, priority, created, ..task }))
            }
            What::Ends(index, outcome) => {
                let state = State::Finished { outcome: *outcome, at: Some(snapshot.now) };
                Some(Change::Task(Task { state, ..one(index)? }))
            }
            What::Gone(index) => Some(Change::TaskGone(one(index)?.id)),
            What::TakenUp(index) => {
                let task = one(index)?;
                let state = match &task.state {
                    State::Waiting(dispatch) => State::Running(Box::new(dispatch.placement)),
                    other => other.clone(),
                };
                Some(Change::Task(Task { state, ..task }))
            }
            _ => None,
        }
    }

    fn of_cluster(&self, snapshot: &Snapshot) -> Option<Change> {
        let instance =
            |index: &Index| (!snapshot.instances.is_empty()).then(|| index.get(&snapshot.instances).clone());
        let group =
            |index: &Index| (!snapshot.groups.is_empty()).then(|| index.get(&snapshot.groups).clone());
        Some(match &self.what {
            What::Beats(index) => {
                let mut instance = instance(index)?;
                instance.last_heartbeat = Some(snapshot.now);
                Change::Instance(instance)
            }
            What::Toggled(index) => {
                let mut instance = instance(index)?;
                instance.enabled = !instance.enabled;
                Change::Instance(instance)
            }
            What::Resized(index, forks) => {
                let mut instance = instance(index)?;
                instance.capacity = Forks::new(*forks);
                Change::Instance(instance)
            }
            What::Limited(index, tasks, forks) => {
                let mut group = group(index)?;
                (group.max_concurrent_jobs, group.max_forks) = (TaskCount::new(*tasks), Forks::new(*forks));
                Change::Group(group)
            }
            What::InstanceGone(index) => Change::InstanceGone(instance(index)?.id),
            What::GroupGone(index) => Change::GroupGone(group(index)?.id),
            What::ProjectGone(index) => {
                let rows = &snapshot.projects;
                Change::ProjectGone((!rows.is_empty()).then(|| index.get(rows).id)?)
            }
            What::SourceGone(index) => {
                let rows = &snapshot.inventory_sources;
                Change::SourceGone((!rows.is_empty()).then(|| index.get(rows).id)?)
            }
            What::GraphsGone => Change::GraphGone(snapshot.graphs.first()?.workflow),
            _ => return None,
        })
    }
}

/// Gives new rows numbers that are not in use.
struct Numbers(i64);

impl Fill for Numbers {
    fn task(&mut self, _: &Create, task: &mut Task) {
        self.0 += 1;
        (task.id, task.impact) = (TaskId::new(self.0), Forks::new(1));
    }

    fn dispatch(&mut self, _: TaskId) -> DispatchId {
        self.0 += 1;
        DispatchId::new(self.0)
    }
}

/// The next snapshot by the plan, as changes.
fn commits(snapshot: &Snapshot, rules: &RuleSet) -> Vec<Change> {
    let taken = snapshot.tasks.iter().map(|task| task.id.get()).filter(|&id| id < i64::MAX / 2).max();
    let mut numbers = Numbers(taken.unwrap_or(0).max(1_000));
    let Ok(next) = plan(snapshot, rules).apply(snapshot, &mut numbers) else { return Vec::new() };
    let tasks = next.tasks.into_iter().filter(|task| !snapshot.tasks.contains(task)).map(Change::Task);
    let graphs = next.graphs.into_iter().filter(|graph| !snapshot.graphs.contains(graph)).map(Change::Graph);
    tasks.chain(graphs).collect()
}

/// The first of the plan's starts, as changes.
fn starts(snapshot: &Snapshot, rules: &RuleSet, count: usize, forwards: bool) -> Vec<Change> {
    let plan = plan(snapshot, rules);
    let starts = plan.starts().filter_map(|(id, &place)| {
        let task = snapshot.tasks.iter().find(|task| task.id == id)?.clone();
        let state = match place {
            scheduler_core::Place::Nowhere => State::Running(Box::default()),
            place => State::Waiting(Box::new(Dispatch {
                id: DispatchId::new(id.get()),
                since: snapshot.now,
                placement: place.into(),
            })),
        };
        (task.state == State::Pending).then_some(Change::Task(Task { state, ..task }))
    });
    let mut starts: Vec<_> = starts.collect();
    if !forwards {
        starts.reverse();
    }
    starts.truncate(count);
    starts
}

fn nonsense() -> Vec<Change> {
    vec![
        Change::TaskGone(TaskId::new(-5)),
        Change::ProjectGone((-5).into()),
        Change::SourceGone((-5).into()),
        Change::InstanceGone((-5).into()),
        Change::GroupGone((-5).into()),
        Change::GraphGone((-5).into()),
    ]
}

/// Rows without what only a full pass decides.
fn calms(snapshot: &Snapshot) -> Vec<Change> {
    let mut calm = snapshot.clone();
    calm_down(&mut calm);
    let tasks = calm.tasks.iter().filter(|task| !snapshot.tasks.contains(task)).cloned().map(Change::Task);
    let kept = |id: TaskId| calm.tasks.iter().any(|task| task.id == id);
    let gone = snapshot.tasks.iter().filter(|task| !kept(task.id)).map(|task| Change::TaskGone(task.id));
    let graphs = snapshot.graphs.iter().map(|graph| Change::GraphGone(graph.workflow));
    let instances = calm.instances.iter().cloned().map(Change::Instance);
    let mut changes: Vec<_> = tasks.chain(gone).chain(instances).collect();
    let mut met = BTreeSet::new();
    changes.retain(|change| !matches!(change, Change::TaskGone(id) if !met.insert(*id)));
    let mut met = BTreeSet::new();
    changes.extend(graphs.filter(|change| !matches!(change, Change::GraphGone(id) if !met.insert(*id))));
    changes
}

fn calm_down(snapshot: &mut Snapshot) {
    snapshot.graphs.clear();
    let now = snapshot.now;
    for instance in &mut snapshot.instances {
        instance.last_heartbeat = Some(now);
    }
    let known: Vec<_> = snapshot.instances.iter().map(|instance| instance.id).collect();
    let place = |task: &Task| (core::cmp::Reverse(task.priority), task.created, task.id);
    let places: BTreeMap<_, _> = snapshot.tasks.iter().map(|task| (task.id, place(task))).collect();
    for task in &mut snapshot.tasks {
        task.cancel_requested = false;
        task.dependencies_derived = true;
        let own = place(task);
        task.dependencies.retain(|on| places.get(on).is_some_and(|place| *place < own));
        if let State::Waiting(dispatch) = &mut task.state {
            dispatch.since = now;
        }
        if let Some(placement) = task.state.placement()
            && [placement.node, placement.controller].into_iter().flatten().any(|id| !known.contains(&id))
        {
            task.state = State::Pending;
        }
        if let State::Finished { outcome, .. } = &mut task.state {
            *outcome = Outcome::Successful;
        }
    }
    let runs = |task: &Task| {
        task.kind() == scheduler_core::Kind::WorkflowJob && matches!(task.state, State::Running(_))
    };
    snapshot.tasks.retain(|task| !runs(task) && task.kind() != scheduler_core::Kind::WorkflowApproval);
    let left: Vec<_> = snapshot.tasks.iter().map(|task| task.id).collect();
    for task in &mut snapshot.tasks {
        task.dependencies.retain(|on| left.contains(on));
    }
}

/// Where a cluster begins, what happens, and where other rows and rules come from.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) snapshot: Snapshot,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) events: Vec<Event>,
}

/// Rows and rules of another cluster, and the rules from before.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    rows: Vec<Change>,
    pub(crate) rules: [RuleSet; 2],
}

/// Histories of up to two hundred events; what does not matter for a failure goes first when it shrinks.
pub(crate) fn history() -> impl Strategy<Value = History> {
    let calm = strategies::snapshot().prop_map(|mut snapshot| {
        calm_down(&mut snapshot);
        snapshot
    });
    let snapshot = prop_oneof![5 => calm, 1 => strategies::snapshot(), 1 => strategies::malformed()];
    (snapshot, strategies::snapshot(), rules(), rules(), vec(event(), 1..200)).prop_map(
        |(snapshot, other, one, two, events)| {
            let elsewhere = Elsewhere { rows: rows_of(other), rules: [one, two] };
            History { snapshot, elsewhere, events }
        },
    )
}

fn rules() -> impl Strategy<Value = RuleSet> {
    let limit = prop_oneof![7 => Just(0), 1 => 1..4_u32];
    let (short, patient) = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (strategies::rules(), limit, short, patient).prop_map(|(mut rules, limit, short, patient)| {
        rules.start_limit = TaskCount::new(limit);
        if !patient {
            rules.reserve_after = None;
        }
        if short {
            (rules.heartbeat_grace, rules.dispatch_grace) = (Seconds::new(30), Seconds::new(20));
        }
        rules
    })
}

fn event() -> impl Strategy<Value = Event> {
    (what(), any::<bool>(), prop::bool::weighted(0.7)).prop_map(|(what, asks_first, steps)| Event {
        what,
        asks_first,
        steps,
    })
}

fn what() -> impl Strategy<Value = What> {
    let one = any::<Index>;
    let outcome =
        prop_oneof![4 => Just(Outcome::Successful), 1 => Just(Outcome::Failed), 1 => Just(Outcome::Canceled)];
    let of_tasks = prop_oneof![
        8 => (one(), 15..40_i64, -3..9_i32).prop_map(|(one, id, older)| What::Like(one, id, older)),
        3 => (one(), 0..7_u32, -1..3_i32, -2..3_i64).prop_map(|(one, impact, priority, older)| What::Altered(one, impact, priority, older)),
        5 => (one(), outcome).prop_map(|(one, outcome)| What::Ends(one, outcome)),
        3 => one().prop_map(What::Gone),
        2 => one().prop_map(What::TakenUp),
        5 => (1..4_usize, prop::bool::weighted(0.7)).prop_map(|(count, forwards)| What::Starts(count, forwards)),
        3 => Just(What::Commits),
        3 => Just(What::Calms),
        1 => Just(What::Again),
        1 => Just(What::Nonsense),
    ];
    let of_cluster = prop_oneof![
        3 => prop_oneof![Just(1), Just(7), Just(60), Just(-30)].prop_map(What::Ticks),
        2 => one().prop_map(What::Beats),
        3 => one().prop_map(What::Toggled),
        3 => (one(), 0..12_u32).prop_map(|(one, forks)| What::Resized(one, forks)),
        2 => (one(), 0..4_u32, 0..9_u32).prop_map(|(one, tasks, forks)| What::Limited(one, tasks, forks)),
        1 => one().prop_map(What::InstanceGone),
        1 => one().prop_map(What::GroupGone),
        1 => one().prop_map(What::ProjectGone),
        1 => one().prop_map(What::SourceGone),
        1 => Just(What::GraphsGone),
        1 => Just(What::Rules),
    ];
    prop_oneof![
        8 => of_tasks,
        4 => of_cluster,
        1 => vec(one(), 1..4).prop_map(What::Rows),
    ]
}

fn rows_of(snapshot: Snapshot) -> Vec<Change> {
    let tasks = snapshot.tasks.into_iter().map(Change::Task);
    let projects = snapshot.projects.into_iter().map(Change::Project);
    let sources = snapshot.inventory_sources.into_iter().map(Change::Source);
    let instances = snapshot.instances.into_iter().map(Change::Instance);
    let groups = snapshot.groups.into_iter().map(Change::Group);
    let graphs = snapshot.graphs.into_iter().map(Change::Graph);
    tasks.chain(projects).chain(sources).chain(instances).chain(groups).chain(graphs).collect()
}
