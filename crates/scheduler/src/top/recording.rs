//! A simulation that was run, and what it was like at any of its moments.
//!
//! A view is read off the timeline: one look at each task, and texts only for those that are listed. The chain of waiting is made of
//! the reasons that passes gave then, in the words of `scheduler explain`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use control_plane::ports::TaskStatus;
use scheduler_core::{
    Action, Decision, Forks, GroupId, InstanceId, Kind, NodeType, Outcome as End, Placement, Plan,
    ProjectUpdateType, RuleSet, Snapshot, State, Task, TaskCount, TaskId, Work, WorkflowOf,
};
use simulator::{Bar, Change, Moment, Outcome, Place, Span, TemplateKey, Wait, Workload};

use super::view::{Counts, GroupRow, NodeRow, TaskRow, View, Why};
use crate::explain;
use crate::standing::Standing;

/// A workload, and what came of it.
pub(super) struct Recording {
    pub(super) workload: Workload,
    pub(super) rules: RuleSet,
    pub(super) outcome: Outcome,
    instances: HashMap<InstanceId, Arc<str>>,
    groups: HashMap<GroupId, Arc<str>>,
}

/// Where a task stands at a moment.
enum Stands<'r> {
    NotYet,
    Pending(Option<&'r Wait>),
    Running,
    Ended(Moment),
}

impl Recording {
    pub(super) fn new(workload: Workload, rules: RuleSet, outcome: Outcome) -> Self {
        let (mut instances, mut groups) = (HashMap::new(), HashMap::new());
        for capacity in &outcome.capacities {
            let name: Arc<str> = capacity.name.as_str().into();
            match capacity.of {
                Place::Instance(id) => _ = instances.insert(id, name),
                Place::Group(id) => _ = groups.insert(id, name),
            }
        }
        Self { workload, rules, outcome, instances, groups }
    }

    /// What is shown of this moment, with so many rows of each kind at most.
    pub(super) fn view(&self, at: Moment, limit: usize) -> View {
        let mut view = View {
            about: format!("simulation of {}, {}", self.name(), self.outcome.rules),
            now: at.on_calendar(self.outcome.start),
            ..View::default()
        };
        let (mut pending, mut running, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        let mut counts = Counts::default();
        for bar in &self.outcome.timeline.bars {
            match stands(bar, at) {
                Stands::NotYet => {}
                Stands::Pending(wait) => {
                    counts.pending += 1;
                    let reason = wait.and_then(|wait| self.outcome.timeline.reason(wait));
                    counts.never += u64::from(reason.is_some_and(simulator::WaitReason::is_never));
                    pending.push((Reverse(bar.priority), bar.launched, bar.task, bar));
                }
                Stands::Running => {
                    counts.running += 1;
                    running.push((bar.started, bar.task, bar));
                }
                Stands::Ended(finished) => ended.push((Reverse(finished), Reverse(bar.task), bar)),
            }
        }
        counts.ended = Some(ended.len() as u64);
        view.counts = counts;
        let used = Used::of(running.iter().map(|&(.., bar)| bar), self.outcome.control_impact);
        self.places(&mut view, at, &used);
        view.queue =
            least(pending, limit, |one| (one.0, one.1, one.2)).map(|(.., bar)| self.row(bar, at)).collect();
        view.running =
            least(running, limit, |one| (one.0, one.1)).map(|(.., bar)| self.row(bar, at)).collect();
        view.ended = least(ended, limit, |one| (one.0, one.1)).map(|(.., bar)| self.row(bar, at)).collect();
        view
    }

    /// The workload's name; of a path, its last part.
    fn name(&self) -> &str {
        self.outcome.workload.rsplit('/').next().unwrap_or_default()
    }

    fn row(&self, bar: &Bar, at: Moment) -> TaskRow {
        let start = self.outcome.start;
        let stands = stands(bar, at);
        let why = match &stands {
            Stands::Pending(Some(wait)) => {
                let reason = self.outcome.timeline.reason(wait);
                reason.map(|reason| Why::of(reason.reason(), &reason, wait.from.on_calendar(start)))
            }
            _ => None,
        };
        let (status, finished) = match stands {
            Stands::Running => (TaskStatus::Running, None),
            Stands::Ended(finished) => (ended(bar.outcome), Some(finished)),
            Stands::NotYet | Stands::Pending(_) => (TaskStatus::Pending, None),
        };
        let placed = status != TaskStatus::Pending;
        let node = bar.placement.node.filter(|_| placed).and_then(|id| self.instances.get(&id));
        let group = bar.placement.group.filter(|_| placed).and_then(|id| self.groups.get(&id));
        TaskRow {
            id: bar.task,
            name: bar.name.clone(),
            kind: bar.kind,
            status,
            priority: bar.priority,
            cost: bar.impact,
            launched: bar.launched.on_calendar(start),
            started: bar.started.filter(|_| placed).map(|moment| moment.on_calendar(start)),
            finished: finished.map(|moment| moment.on_calendar(start)),
            node: node.cloned(),
            group: group.cloned(),
            why,
            cancel_requested: false,
            note: bar
                .end
                .as_ref()
                .filter(|_| finished.is_some())
                .map_or_else(Arc::default, |end| end.sentence.as_str().into()),
        }
    }

    fn places(&self, view: &mut View, at: Moment, used: &Used) {
        for capacity in &self.outcome.capacities {
            let steps = capacity.steps.partition_point(|(from, _)| *from <= at);
            let Some((_, forks)) = steps.checked_sub(1).and_then(|last| capacity.steps.get(last)) else {
                continue;
            };
            let (used, tasks) = used.0.get(&capacity.of).copied().unwrap_or_default();
            match capacity.of {
                Place::Group(_) => view.groups.push(GroupRow {
                    name: capacity.name.clone(),
                    used,
                    capacity: *forks,
                    tasks: Some(TaskCount::new(tasks)),
                    most_tasks: capacity.max_concurrent_jobs,
                }),
                Place::Instance(id) => {
                    let row = self.workload.cluster.instances.iter().find(|row| row.id == id);
                    let capacity_now = forks.unwrap_or_default();
                    let state = match capacity_now {
                        _ if self.is_lost(id, &capacity.name, at) => Standing::Lost,
                        Forks::ZERO => Standing::OutOfUse,
                        _ => Standing::InUse,
                    };
                    view.nodes.push(NodeRow {
                        name: capacity.name.clone(),
                        node_type: row.map_or(NodeType::default(), |row| row.node_type),
                        used,
                        capacity: capacity_now,
                        state,
                        heard: None,
                        version: String::new(),
                    });
                }
            }
        }
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
            let stands = stands(bar, at);
            let state = match &stands {
                Stands::NotYet => continue,
                Stands::Ended(_) if bar.task != task => continue,
                Stands::Ended(moment) => State::Finished {
                    outcome: bar.outcome.unwrap_or(End::Successful),
                    at: Some(moment.on_calendar(self.outcome.start)),
                },
                Stands::Running => State::Running(Box::new(Placement { ..*bar.placement })),
                Stands::Pending(_) => State::Pending,
            };
            snapshot.tasks.push(self.task(bar, known.get(&bar.task).copied(), state));
            if let Stands::Pending(Some(wait)) = stands
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
                id: bar.task,
                name: bar.name.clone(),
                created,
                priority: bar.priority,
                impact: bar.impact,
                work: work(bar),
                state,
                launch_type: bar.launch_type,
                groups: Arc::default(),
                dependencies: bar.dependencies.clone(),
                dependencies_derived: true,
                cancel_requested: false,
                own_keys: Default::default(),
            },
        }
    }
}

fn stands(bar: &Bar, at: Moment) -> Stands<'_> {
    match (bar.started, bar.finished) {
        _ if bar.launched > at => Stands::NotYet,
        (_, Some(finished)) if finished <= at => Stands::Ended(finished),
        (Some(started), _) if started <= at => Stands::Running,
        _ => Stands::Pending(bar.waits.iter().rev().find(|wait| wait.from <= at)),
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
