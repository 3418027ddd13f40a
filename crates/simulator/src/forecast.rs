//! When each pending task will start: the snapshot run to its end many times over, with run times drawn from the past.
//!
//! A forecast is a range and not a promise. It knows the rules, the cluster and what is there now. Tasks that are launched later
//! may take room that a large task waits for: where the history knows launches, each draw lets those of some day of the past
//! come again. It does not know who will be canceled, or that machines fail. Draws are independent: draw number `k` of the
//! same forecast is always the same, so that one of them can be looked at again.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{
    Forks, GroupId, Kind, Outcome as End, Plan, Priority, RuleSet, Snapshot, State, Task, TaskId, ThinVec,
    Timestamp, Work,
};
use serde::Serialize;

use crate::history::{History, PastLaunch, remaining};
use crate::waiting::quantile;
use crate::workload::{Ends, Template, TemplateKey};
use crate::{
    Auditing, Behaviour, Endings, Launch, Moment, Options, Outcome, RunTime, Seed, Simulation,
    SimulationError, Span, WaitReason, Workload,
};

/// How a forecast is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastOptions {
    /// How often the snapshot is run to its end; `None` for as often as the number of pending tasks allows in about a second.
    pub draws: Option<u32>,
    /// From which all draws follow.
    pub seed: Seed,
    /// Of a hundred draws, so many start earlier than the range and so many later.
    pub tail: u32,
    /// Whether launches of the past come again.
    pub arrivals: bool,
}

impl Default for ForecastOptions {
    fn default() -> Self {
        Self { draws: None, seed: Seed::default(), tail: 10, arrivals: true }
    }
}

/// When each pending task will start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The moment of the snapshot.
    pub at: Timestamp,
    /// How many draws it rests on.
    pub draws: u32,
    /// How many pending tasks are of templates of which no run is known, so that those of their kind stand in.
    pub without_history: usize,
    /// Each pending task, in the order of the snapshot.
    pub tasks: Vec<Expected>,
}

/// When one pending task will start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// Which.
    pub task: TaskId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// When it starts; `None` when it never does.
    pub starts: Option<Range>,
    /// Of a hundred draws, in so many it never starts.
    pub never: u32,
    /// What it waits for now, if it does not start at once.
    pub waits_for: Option<String>,
}

/// A range of moments on the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Few draws start before this.
    pub from: Timestamp,
    /// Half of the draws start by this.
    pub median: Timestamp,
    /// Few draws start after this.
    pub to: Timestamp,
}

/// A stretch of waiting in one draw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// For what.
    pub reason: WaitReason,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// Makes forecasts of one snapshot.
#[derive(Debug)]
pub struct Forecaster<'a> {
    snapshot: &'a Snapshot,
    rules: &'a RuleSet,
    history: &'a History,
    started: &'a BTreeMap<TaskId, Timestamp>,
    options: ForecastOptions,
    workload: Workload,
    interval: Span,
    kinds: BTreeMap<Kind, Arc<Behaviour>>,
    /// A task of each template.
    examples: BTreeMap<TemplateKey, &'a Task>,
}

/// The most launches that a draw lets come again.
const MOST_ARRIVALS: usize = 20_000;

/// How many tasks may be run to their end in a second, all draws together; measured by `cargo bench --bench forecast`.
const TASKS_A_SECOND: usize = 100_000;
/// The fewest and the most draws that are chosen.
const DRAWS: (usize, usize) = (10, 100);
/// Into how many passes at least the way to the end of a large snapshot is cut.
const PASSES: f64 = 300.0;
/// Up to so many pending tasks every event gets its pass.
const EXACT_UP_TO: usize = 500;

impl<'a> Forecaster<'a> {
    /// Of this snapshot by these rules. `started` says when running tasks started, as far as is known.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        rules: &'a RuleSet,
        history: &'a History,
        started: &'a BTreeMap<TaskId, Timestamp>,
        options: ForecastOptions,
    ) -> Self {
        let mut workload = Workload::from_snapshot("forecast", snapshot);
        for (key, run_time) in history.run_times() {
            let behaviour = Behaviour { run_time, endings: Endings::default() };
            workload.catalogue.insert(key, known(key, behaviour, snapshot));
        }
        // Tasks of a template that never ran are like others of their kind.
        let of_kind = |kind| {
            let run_time = RunTime::Empirical(history.runs(None, kind)?.into());
            Some((kind, Arc::new(Behaviour { run_time, endings: Endings::default() })))
        };
        let kinds: BTreeMap<Kind, Arc<Behaviour>> = Kind::ALL.into_iter().filter_map(of_kind).collect();
        for standing in workload.standing.iter_mut().filter(|one| one.task.state.is_unfinished()) {
            let key = TemplateKey::of(&standing.task.work);
            if key.is_none_or(|key| !workload.catalogue.contains_key(&key))
                && let Some(behaviour) = kinds.get(&standing.task.kind())
            {
                standing.ends = Ends::Drawn(Arc::clone(behaviour));
            }
        }
        let interval = interval(&workload);
        let examples = snapshot.tasks.iter().filter_map(|task| Some((TemplateKey::of(&task.work)?, task)));
        let examples = examples.collect();
        Self { snapshot, rules, history, started, options, workload, interval, kinds, examples }
    }

    /// How many draws the forecast rests on.
    #[must_use]
    pub fn draws(&self) -> u32 {
        let chosen = TASKS_A_SECOND / self.workload.standing.len().max(1);
        let chosen = u32::try_from(chosen.clamp(DRAWS.0, DRAWS.1)).unwrap_or(u32::MAX);
        self.options.draws.unwrap_or(chosen).max(1)
    }

    /// Runs the snapshot to its end once.
    ///
    /// # Errors
    ///
    /// As [`Simulation::run`].
    pub fn draw(&mut self, number: u32) -> Result<Outcome, SimulationError> {
        self.draw_with(number, false)
    }

    fn draw_with(&mut self, number: u32, keep_reasons: bool) -> Result<Outcome, SimulationError> {
        let seed = Seed::new(self.options.seed.numbers(u64::from(number)).u64(..));
        let now = self.snapshot.now;
        for standing in &mut self.workload.standing {
            let task = &standing.task;
            if !matches!(task.state, State::Running(_) | State::Waiting(_)) {
                continue;
            }
            let Some(runs) = self.history.runs(TemplateKey::of(&task.work), task.kind()) else { continue };
            let since = match &task.state {
                State::Waiting(dispatch) => Some(dispatch.since),
                _ => self.started.get(&task.id).copied(),
            };
            let elapsed = since.map(|since| Moment::START.since(Moment::of(since, now)));
            let mut numbers = seed.numbers(u64::from_ne_bytes(task.id.get().to_ne_bytes()));
            standing.ends = Ends::Fixed(remaining(runs, elapsed, &mut numbers), End::Successful);
        }
        if self.options.arrivals {
            self.arrive(seed);
        }
        let options = Options {
            seed,
            pass_interval: self.interval,
            auditing: Auditing::Sample(0),
            keep_reasons,
            until_standing_started: true,
            ..Options::default()
        };
        Simulation::new(&self.workload, self.rules).with(options).run()
    }

    /// Lets launches of some day of the past come again.
    fn arrive(&mut self, seed: Seed) {
        let last = self.snapshot.tasks.iter().map(|task| task.id.get()).max().unwrap_or(0);
        let likely = self.snapshot.tasks.iter().find(|task| !task.groups.is_empty());
        let groups: Arc<[GroupId]> = likely.map_or_else(|| [].into(), |task| Arc::clone(&task.groups));
        self.workload.launches.clear();
        let again = self.history.again_as_on_some_day(&mut seed.numbers(u64::MAX)).take(MOST_ARRIVALS);
        for ((after, past), id) in again.zip(last.saturating_add(1)..) {
            let at = Moment::START.after(after);
            let example = past.template.and_then(|template| self.examples.get(&template));
            let task = arrival(TaskId::new(id), at.on_calendar(self.snapshot.now), past, example, &groups);
            let known = past.template.is_some_and(|template| self.workload.catalogue.contains_key(&template));
            let ends = match self.kinds.get(&past.kind).filter(|_| !known) {
                Some(behaviour) => Ends::Drawn(Arc::clone(behaviour)),
                None => Ends::AsTemplate,
            };
            self.workload.launches.push(Launch { at, task, ends, cancel_at: None });
        }
    }

    /// The forecast. `progress` hears after each draw how many are done.
    ///
    /// # Errors
    ///
    /// As [`Simulation::run`].
    pub fn run(&mut self, progress: &mut dyn FnMut(u32, u32)) -> Result<Forecast, SimulationError> {
        let draws = self.draws();
        let pending: Vec<(usize, &Task)> =
            self.snapshot.tasks.iter().enumerate().filter(|(_, task)| task.state == State::Pending).collect();
        let mut starts: Vec<Vec<Moment>> = vec![Vec::new(); pending.len()];
        for number in 0..draws {
            let outcome = self.draw(number)?;
            for (starts, (position, _)) in starts.iter_mut().zip(&pending) {
                // Standing tasks have the first bars, in their order.
                starts.extend(outcome.timeline.bars.get(*position).and_then(|bar| bar.started));
            }
            progress(number + 1, draws);
        }
        let plan = scheduler_core::plan(self.snapshot, self.rules);
        let reasons: BTreeMap<TaskId, String> =
            plan.holds().map(|(task, reason)| (task, reason.to_string())).collect();
        let tasks = pending.iter().zip(starts);
        let tasks = tasks.map(|((_, task), starts)| self.expected(task, starts, draws, &reasons)).collect();
        let unknown = |task: &&(usize, &Task)| {
            TemplateKey::of(&task.1.work).is_none_or(|key| !self.workload.catalogue.contains_key(&key))
        };
        let without_history = pending.iter().filter(unknown).count();
        Ok(Forecast { at: self.snapshot.now, draws, without_history, tasks })
    }

    fn expected(
        &self,
        task: &Task,
        mut starts: Vec<Moment>,
        draws: u32,
        reasons: &BTreeMap<TaskId, String>,
    ) -> Expected {
        starts.sort_unstable();
        let tail = self.options.tail.min(50) as usize;
        let at = |percent: usize| quantile(&starts, percent).on_calendar(self.snapshot.now);
        let range = Range { from: at(tail.max(1)), median: at(50), to: at(100 - tail) };
        let started = u32::try_from(starts.len()).unwrap_or(u32::MAX);
        Expected {
            task: task.id,
            name: task.name.to_string(),
            kind: task.kind(),
            starts: (!starts.is_empty()).then_some(range),
            never: draws.saturating_sub(started).saturating_mul(100) / draws.max(1),
            waits_for: reasons.get(&task.id).cloned(),
        }
    }

    /// What a task waits for until it starts, in the draw in which it starts next to its median.
    ///
    /// # Errors
    ///
    /// As [`Simulation::run`].
    pub fn course(&mut self, task: TaskId) -> Result<Vec<Stretch>, SimulationError> {
        let mut starts: Vec<(Option<Moment>, u32)> = Vec::new();
        for number in 0..self.draws() {
            let outcome = self.draw(number)?;
            let bar = outcome.timeline.bars.iter().find(|bar| bar.task == task);
            starts.push((bar.and_then(|bar| bar.started), number));
        }
        starts.sort_unstable();
        let Some((_, number)) = starts.get(starts.len() / 2) else { return Ok(Vec::new()) };
        let outcome = self.draw_with(*number, true)?;
        let Some(bar) = outcome.timeline.bars.iter().find(|bar| bar.task == task) else {
            return Ok(Vec::new());
        };
        let stretches = bar.waits.iter().filter_map(|wait| {
            Some(Stretch {
                reason: outcome.timeline.reason(wait)?.clone(),
                from: wait.from.on_calendar(self.snapshot.now),
                to: wait.to.on_calendar(self.snapshot.now),
            })
        });
        Ok(stretches.collect())
    }

    /// What a pass decides now.
    #[must_use]
    pub fn plan(&self) -> Plan {
        scheduler_core::plan(self.snapshot, self.rules)
    }
}

/// A task that comes as one of the past did: like one of its template that is there, if there is one.
fn arrival(
    id: TaskId,
    created: Timestamp,
    past: &PastLaunch,
    example: Option<&&Task>,
    groups: &Arc<[GroupId]>,
) -> Task {
    let work = example.map(|task| task.work.clone()).unwrap_or_else(|| match (past.kind, past.template) {
        (Kind::AdHocCommand, _) => Work::AdHocCommand { inventory: None },
        (_, template) => Work::Job {
            project: None,
            inventory: None,
            template: match template {
                Some(TemplateKey::Job(id)) => Some(id),
                _ => None,
            },
            allow_simultaneous: true,
            sources_already_updated: ThinVec::new(),
        },
    });
    Task {
        name: example.map_or_else(|| "".into(), |task| Arc::clone(&task.name)),
        priority: example.map_or_else(Priority::default, |task| task.priority),
        impact: past.impact,
        groups: example.map_or_else(|| Arc::clone(groups), |task| Arc::clone(&task.groups)),
        own_keys: example.map_or_else(ThinVec::new, |task| task.own_keys.clone()),
        ..Task::new(id, created, work)
    }
}

/// A template as forecasts need it: tasks that passes create are like those of its kind that are there.
fn known(key: TemplateKey, behaviour: Behaviour, snapshot: &Snapshot) -> Template {
    let like = snapshot.tasks.iter().find(|task| TemplateKey::of(&task.work) == Some(key));
    Template {
        name: like.map_or_else(|| "".into(), |task| Arc::clone(&task.name)),
        impact: like.map_or(Forks::new(1), |task| task.impact),
        groups: like.map_or_else(|| [].into(), |task| Arc::clone(&task.groups)),
        own_keys: ThinVec::new(),
        behaviour,
        graph: None,
    }
}

/// The time between passes: none for a short queue, and for a long one so much that the way to its end takes some hundred
/// passes; a start is that much later at most.
fn interval(workload: &Workload) -> Span {
    if workload.standing.len() <= EXACT_UP_TO {
        return Span::ZERO;
    }
    let means: BTreeMap<TemplateKey, f64> =
        workload.catalogue.iter().map(|(key, one)| (*key, one.behaviour.run_time.mean().seconds())).collect();
    let fallback = workload.fallback.run_time.mean().seconds();
    // Nearly all tasks of templates that never ran are of one kind.
    let others = std::cell::OnceCell::new();
    let capacity: f64 = workload.cluster.instances.iter().map(|one| f64::from(one.capacity.get())).sum();
    let mean = |standing: &crate::Standing| match (&standing.ends, TemplateKey::of(&standing.task.work)) {
        (Ends::Fixed(span, _), _) => span.seconds(),
        (Ends::Drawn(behaviour), _) => *others.get_or_init(|| behaviour.run_time.mean().seconds()),
        (Ends::AsTemplate, key) => key.and_then(|key| means.get(&key)).copied().unwrap_or(fallback),
    };
    let work = |standing: &crate::Standing| f64::from(standing.task.cost().get()) * mean(standing);
    let all: f64 = workload.standing.iter().map(work).sum();
    Span::from_seconds(all / capacity.max(1.0) / PASSES)
}
