//! A simulation that was run, and what it was like at any of its moments.
//!
//! An overview is read off the timeline: one glance at each task, and texts only for those that are listed. The chain of waiting is made of
//! the reasons that passes gave then, in the words of `scheduler explain`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use control_plane::ports::TaskStatus;
use scheduler_core::{
    Action, Decision, Forks, InstanceId, Kind, Members, NodeType, Outcome as End, Placement, Plan,
    ProjectUpdateType, RuleSet, Snapshot, State, Task, TaskCount, TaskId, Work, WorkflowOf,
};
use simulator::{Bar, Capacity, Change, Moment, Outcome, Place, Span, TemplateKey, Wait, Workload};

use super::view::View;
use crate::explain;
use crate::overview::{self, Counts, Group, Hold, Liveness, Node, Overview, Row, Rows};
use crate::words::Names;

/// A workload, and what came of it.
pub(super) struct Recording {
    pub(super) workload: Workload,
    pub(super) rules: RuleSet,
    pub(super) outcome: Outcome,
}

/// How far a task is at a moment.
enum Phase<'r> {
    NotYet,
    Pending(Option<&'r Wait>),
    Running,
    Ended(Moment),
}

impl Recording {
    pub(super) const fn new(workload: Workload, rules: RuleSet, outcome: Outcome) -> Self {
        Self { workload, rules, outcome }
    }

    /// What is shown of this moment, with so many rows of each kind at most.
    pub(super) fn view(&self, at: Moment, limit: usize) -> View {
        View {
            about: format!("simulation of {}, {}", self.name(), self.outcome.rules),
            overview: self.overview(at, limit),
            ..View::default()
        }
    }

    fn overview(&self, at: Moment, limit: usize) -> Overview {
        let (mut pending, mut running, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        let mut holds: HashMap<&str, u64> = HashMap::new();
        for bar in &self.outcome.timeline.bars {
            match phase(bar, at) {
                Phase::NotYet => {}
                Phase::Pending(wait) => {
                    if let Some(reason) = wait.and_then(|wait| self.outcome.timeline.reason(wait)) {
                        *holds.entry(reason.reason().token()).or_default() += 1;
                    }
                    pending.push((Reverse(bar.priority), bar.launched, bar.task, bar));
                }
                Phase::Running => running.push((bar.started, bar.task, bar)),
                Phase::Ended(finished) => ended.push((Reverse(finished), Reverse(bar.task), bar)),
            }
        }
        let counts = Counts {
            pending: pending.len() as u64,
            waiting: 0,
            running: running.len() as u64,
            ended: Some(ended.len() as u64),
        };
        let used = Used::of(running.iter().map(|&(.., bar)| bar), self.outcome.control_impact);
        let names = self.names();
        let rows = |bars: &mut dyn Iterator<Item = &Bar>| bars.map(|bar| self.row(bar, at, &names)).collect();
        Overview {
            now: at.on_calendar(self.outcome.start),
            counts,
            holds: holds.into_iter().map(|(token, held)| (token.to_owned(), held)).collect(),
            groups: self.now(at).filter_map(|(place, forks)| self.group(place, forks, &used)).collect(),
            nodes: self.now(at).filter_map(|(place, forks)| self.node(place, forks, &used, at)).collect(),
            pending: Rows {
                total: counts.pending,
                tasks: rows(&mut least(pending, limit, |one| (one.0, one.1, one.2)).map(|(.., bar)| bar)),
            },
            holding: Rows {
                total: counts.running,
                tasks: rows(&mut least(running, limit, |one| (one.0, one.1)).map(|(.., bar)| bar)),
            },
            finished: rows(&mut least(ended, limit, |one| (one.0, one.1)).map(|(.., bar)| bar)),
            ..Overview::default()
        }
    }

    /// The workload's name; of a path, its last part.
    fn name(&self) -> &str {
        self.outcome.workload.rsplit('/').next().unwrap_or_default()
    }

    fn names(&self) -> Names<'_> {
        let all = self.outcome.capacities.iter().map(|capacity| (capacity.of, capacity.name.as_str()));
        let instances = all.clone().filter_map(|(place, name)| Some((place.instance()?, name)));
        let groups = all.filter_map(|(place, name)| match place {
            Place::Group(id) => Some((id, name)),
            Place::Instance(_) => None,
        });
        Names::of_places(instances, groups)
    }

    fn row(&self, bar: &Bar, at: Moment, names: &Names<'_>) -> Row {
        let start = self.outcome.start;
        let phase = phase(bar, at);
        let hold = match &phase {
            Phase::Pending(Some(wait)) => self.outcome.timeline.reason(wait).map(|reason| {
                Hold::new(reason.reason(), reason.to_string(), Some(wait.from.on_calendar(start)))
            }),
            _ => None,
        };
        let (status, finished) = match phase {
            Phase::Running => (TaskStatus::Running, None),
            Phase::Ended(finished) => (ended(bar.outcome), Some(finished)),
            Phase::NotYet | Phase::Pending(_) => (TaskStatus::Pending, None),
        };
        let started = bar.started.filter(|_| status != TaskStatus::Pending);
        let end = bar.end.as_ref().filter(|_| finished.is_some());
        Row {
            id: bar.task,
            name: bar.name.clone(),
            kind: bar.kind,
            status,
            priority: bar.priority,
            impact: bar.impact,
            created: bar.launched.on_calendar(start),
            started: started.map(|moment| moment.on_calendar(start)),
            finished: finished.map(|moment| moment.on_calendar(start)),
            place: overview::place(bar.kind, status, &bar.placement, names),
            workflow: bar.workflow,
            cancel_requested: false,
            answerable: false,
            hold,
            decision: None,
            explanation: end.map_or_else(Arc::default, |end| end.sentence.as_str().into()),
        }
    }

    /// Every place that is there at a moment, with what it has then.
    fn now(&self, at: Moment) -> impl Iterator<Item = (&Capacity, Option<Forks>)> {
        self.outcome.capacities.iter().filter_map(move |capacity| {
            let steps = capacity.steps.partition_point(|(from, _)| *from <= at);
            let (_, forks) = capacity.steps.get(steps.checked_sub(1)?)?;
            Some((capacity, *forks))
        })
    }

    fn group(&self, capacity: &Capacity, forks: Option<Forks>, used: &Used) -> Option<Group> {
        let Place::Group(id) = capacity.of else { return None };
        let row = self.workload.cluster.groups.iter().find(|row| row.id == id);
        let (used, tasks) = used.of_place(capacity.of);
        Some(Group {
            name: capacity.name.clone(),
            capacity: forks.unwrap_or_default(),
            used,
            container: row.is_some_and(|row| row.members == Members::Container),
            max_forks: row.map_or(Forks::ZERO, |row| row.max_forks),
            max_concurrent_jobs: capacity.max_concurrent_jobs,
            limit: forks,
            tasks: Some(TaskCount::new(tasks)),
        })
    }

    fn node(&self, capacity: &Capacity, forks: Option<Forks>, used: &Used, at: Moment) -> Option<Node> {
        let id = capacity.of.instance()?;
        let row = self.workload.cluster.instances.iter().find(|row| row.id == id);
        let forks = forks.unwrap_or_default();
        Some(Node {
            hostname: capacity.name.clone(),
            node_type: row.map_or(NodeType::default(), |row| row.node_type),
            used: used.of_place(capacity.of).0,
            capacity: forks,
            state: match forks {
                _ if self.is_lost(id, &capacity.name, at) => Liveness::Lost,
                Forks::ZERO => Liveness::OutOfUse,
                _ => Liveness::InUse,
            },
            last_heartbeat: None,
            version: String::new(),
        })
    }

    /// Whether it fell silent and the grace is over, or had before the simulation began (R8.1).
    fn is_lost(&self, id: InstanceId, name: &str, at: Moment) -> bool {
        let grace = self.rules.heartbeat_grace;
        let before = self.workload.cluster.instances.iter().find(|row| row.id == id);
        let before = before.and_then(|row| row.last_heartbeat);
        let since = Span::from_whole_seconds(grace.get().into());
        before.is_some_and(|beat| grace.elapsed_since(beat, self.workload.start))
            || self.workload.changes.iter().any(|timed| {
                matches!(&timed.change, Change::LoseInstance { hostname } if hostname == name)
                    && timed.at.after(since) < at
            })
    }

    /// The chain of waiting of a task at a moment.
    pub(super) fn chain(&self, task: TaskId, at: Moment) -> Vec<String> {
        let known: HashMap<TaskId, &Task> = (self.workload.standing.iter().map(|one| &one.task))
            .chain(self.workload.launches.iter().map(|one| &one.task))
            .map(|task| (task.id, task))
            .collect();
        let mut snapshot = Snapshot {
            now: at.on_calendar(self.outcome.start),
            instances: self.workload.cluster.instances.clone(),
            groups: self.workload.cluster.groups.clone(),
            ..Snapshot::default()
        };
        let mut plan = Plan::default();
        for bar in &self.outcome.timeline.bars {
            let phase = phase(bar, at);
            let state = match &phase {
                Phase::NotYet => continue,
                Phase::Ended(_) if bar.task != task => continue,
                Phase::Ended(moment) => State::Finished {
                    outcome: bar.outcome.unwrap_or(End::Successful),
                    at: Some(moment.on_calendar(self.outcome.start)),
                },
                Phase::Running => State::Running(Box::new(Placement { ..*bar.placement })),
                Phase::Pending(_) => State::Pending,
            };
            snapshot.tasks.push(self.task(bar, known.get(&bar.task).copied(), state));
            if let Phase::Pending(Some(wait)) = phase
                && let Some(reason) = self.outcome.timeline.reason(wait)
            {
                let action = Action::Hold(reason.reason().clone());
                plan.decisions.push(Decision { task: bar.task, kind: bar.kind, action });
            }
        }
        if snapshot.tasks.iter().all(|row| row.id != task) {
            return vec![format!("task {task} has not been launched yet at this moment")];
        }
        let mut lines = explain::lines(&snapshot, &self.rules, &plan, task);
        let ended = self.outcome.timeline.bars.iter().find(|bar| bar.task == task);
        if let Some(end) =
            ended.filter(|bar| bar.finished.is_some_and(|end| end <= at)).and_then(|bar| bar.end.as_ref())
        {
            lines.push(end.sentence.clone());
        }
        lines
    }

    /// The row of a task; of one that a pass created, what its bar tells.
    fn task(&self, bar: &Bar, known: Option<&Task>, state: State) -> Task {
        let created = bar.launched.on_calendar(self.outcome.start);
        match known {
            Some(task) => Task { state, created, name: bar.name.clone(), ..task.clone() },
            None => Task {
                name: bar.name.clone(),
                priority: bar.priority,
                impact: bar.impact,
                state,
                launch_type: bar.launch_type,
                groups: Arc::default(),
                dependencies: bar.dependencies.clone(),
                dependencies_derived: true,
                ..Task::new(bar.task, created, work(bar))
            },
        }
    }
}

fn phase(bar: &Bar, at: Moment) -> Phase<'_> {
    match (bar.started, bar.finished) {
        _ if bar.launched > at => Phase::NotYet,
        (_, Some(finished)) if finished <= at => Phase::Ended(finished),
        (Some(started), _) if started <= at => Phase::Running,
        _ => Phase::Pending(bar.waits.iter().rev().find(|wait| wait.from <= at)),
    }
}

const fn ended(outcome: Option<End>) -> TaskStatus {
    match outcome {
        Some(End::Successful) | None => TaskStatus::Successful,
        Some(End::Failed) => TaskStatus::Failed,
        Some(End::Error) => TaskStatus::Error,
        Some(End::Canceled) => TaskStatus::Canceled,
    }
}

/// The least ones by a key, in order: sorting all of very many would take longer than they are looked at.
fn least<T, K: Ord>(mut all: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> std::vec::IntoIter<T> {
    if all.len() > limit {
        if limit > 0 {
            all.select_nth_unstable_by_key(limit - 1, &key);
        }
        all.truncate(limit);
    }
    all.sort_unstable_by_key(key);
    all.into_iter()
}

/// What is used of each place, and by how many tasks.
struct Used(HashMap<Place, (Forks, u32)>);

impl Used {
    fn of<'b>(running: impl Iterator<Item = &'b Bar>, control_impact: Forks) -> Self {
        let mut used: HashMap<Place, (Forks, u32)> = HashMap::new();
        for bar in running {
            let mut add = |place: Place, forks: Forks| {
                let (sum, tasks) = used.entry(place).or_default();
                (*sum, *tasks) = (sum.plus(forks), *tasks + 1);
            };
            if let Some(group) = bar.placement.group {
                add(Place::Group(group), bar.impact);
            }
            if let Some(node) = bar.placement.node {
                add(Place::Instance(node), bar.impact);
            }
            if let Some(controller) = bar.placement.controller {
                add(Place::Instance(controller), control_impact);
            }
        }
        Self(used)
    }

    fn of_place(&self, place: Place) -> (Forks, u32) {
        self.0.get(&place).copied().unwrap_or_default()
    }
}

fn work(bar: &Bar) -> Work {
    match (bar.template, bar.kind) {
        (Some(TemplateKey::ProjectUpdate(id)), _) => {
            Work::ProjectUpdate { project: Some(id), job_type: ProjectUpdateType::default() }
        }
        (_, Kind::ProjectUpdate) => {
            Work::ProjectUpdate { project: None, job_type: ProjectUpdateType::default() }
        }
        (Some(TemplateKey::InventoryUpdate(id)), _) => {
            Work::InventoryUpdate { source: Some(id), inventory: None, source_project: None }
        }
        (_, Kind::InventoryUpdate) => {
            Work::InventoryUpdate { source: None, inventory: None, source_project: None }
        }
        (_, Kind::AdHocCommand) => Work::AdHocCommand { inventory: None },
        (_, Kind::SystemJob) => Work::SystemJob {},
        (_, Kind::WorkflowApproval) => Work::WorkflowApproval { expires: None },
        (template, Kind::WorkflowJob) => {
            let of = match template {
                Some(TemplateKey::Workflow(id)) => WorkflowOf::Template(Some(id)),
                Some(TemplateKey::SlicedWorkflow(id)) => WorkflowOf::Slices(Some(id)),
                _ => WorkflowOf::Template(None),
            };
            Work::WorkflowJob { of, allow_simultaneous: false }
        }
        (template, Kind::Job) => Work::Job {
            project: None,
            inventory: None,
            template: match template {
                Some(TemplateKey::Job(id)) => Some(id),
                _ => None,
            },
            allow_simultaneous: false,
            sources_already_updated: Default::default(),
        },
    }
}
