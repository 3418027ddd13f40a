//! Reaping, cancel and failure by dependency (R5, R7.6, R8): what must end before anything is placed.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::circles::components;
use super::malformed::pending_dependencies;
use super::rows::{Ends, Rows, Status};
use crate::{Action, End, Kind, Outcome, State, TakeBack, Task, TaskId, Then, Work};

/// What the rules decide before the pending tasks are placed.
#[derive(Default)]
pub(super) struct Endings {
    /// The tasks that end.
    pub(super) ends: Ends,
    /// The decisions on tasks that do not end: redispatches, requests to cancel, malformed workflows.
    pub(super) others: BTreeMap<TaskId, Action>,
    /// The tasks that a request to cancel reaches, with the workflow by which it does; `None` by their own.
    pub(super) asked: BTreeMap<TaskId, Option<TaskId>>,
}

impl Endings {
    /// The decision that the rules call for, if the task is decided on before it could be placed.
    pub(super) fn expected(&self, rows: &Rows<'_>, id: TaskId) -> Option<Action> {
        let Some(end) = self.ends.get(&id) else { return self.others.get(&id).cloned() };
        match rows.sole(id).map(|task| (&task.state, rows.is_taken_back(task))) {
            Some((State::Waiting(dispatch), true)) => Some(Action::TakeBack(Box::new(TakeBack {
                replaces: dispatch.id,
                then: Then::End(end.clone()),
            }))),
            _ => Some(Action::End(end.clone())),
        }
    }

    /// R8, and R7.6.
    pub(super) fn reap_and_cancel(&mut self, rows: &Rows<'_>) {
        self.spread_requests(rows);
        for task in rows.singles().filter(|task| task.state.is_unfinished()) {
            if let Some(end) = self.reaped(rows, task) {
                self.ends.insert(task.id, end);
            } else if let Some(other) = self.told(rows, task) {
                self.others.insert(task.id, other);
            }
        }
    }

    /// Own requests, and those of workflows to their unfinished jobs, and theirs.
    fn spread_requests(&mut self, rows: &Rows<'_>) {
        let mut jobs: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for task in rows.singles().filter(|task| task.state.is_unfinished()) {
            if let Some(workflow) = rows.parent(task.id) {
                jobs.entry(workflow).or_default().push(task.id);
            }
        }
        let mut reached: Vec<TaskId> = Vec::new();
        for task in rows.singles().filter(|task| task.cancel_requested && task.state.is_unfinished()) {
            self.asked.insert(task.id, None);
            reached.push(task.id);
        }
        while let Some(workflow) = reached.pop() {
            if rows.sole(workflow).is_none_or(|task| task.kind() != Kind::WorkflowJob) {
                continue;
            }
            for &job in jobs.get(&workflow).into_iter().flatten() {
                self.asked.entry(job).or_insert_with(|| {
                    reached.push(job);
                    Some(workflow)
                });
            }
        }
    }

    fn reaped(&self, rows: &Rows<'_>, task: &Task) -> Option<End> {
        if matches!(task.state, State::Running(_))
            && let Some((instance, role, loss)) = rows.lost_under(task)
        {
            return Some(End::InstanceLost { instance, role, loss });
        }
        if let Some(by) = self.asked.get(&task.id)
            && (rows.is_pending(task) || task.kind() == Kind::WorkflowApproval || is_waiting_workflow(task))
        {
            return Some(by.map_or(End::CancelRequested, |workflow| End::CanceledWithWorkflow { workflow }));
        }
        match task.work {
            Work::WorkflowApproval { expires: Some(expires) } if expires < rows.snapshot.now => {
                Some(End::ApprovalExpired { expires })
            }
            _ => None,
        }
    }

    fn told(&self, rows: &Rows<'_>, task: &Task) -> Option<Action> {
        if !task.state.is_holding() || rows.is_taken_back(task) {
            return None;
        }
        match (self.asked.get(&task.id), &task.state) {
            (Some(&Some(workflow)), _) => Some(Action::RequestCancel { workflow }),
            (None, State::Waiting(dispatch)) if task.kind().needs_place() => {
                let overdue = rows.rules.dispatch_grace.elapsed_since(dispatch.since, rows.snapshot.now);
                overdue.then_some(Action::Redispatch(dispatch.id))
            }
            _ => None,
        }
    }

    /// R5: dependencies before their dependents; in a cycle step by step, failure before cancel.
    pub(super) fn fail_by_dependency(&mut self, rows: &Rows<'_>) {
        let alive: BTreeSet<TaskId> = rows
            .singles()
            .filter(|task| rows.is_pending(task) && !self.ends.contains_key(&task.id))
            .map(|task| task.id)
            .collect();
        let order = components(alive.iter().copied(), |task| {
            let on = rows.sole(task).map(|task| pending_dependencies(rows, task)).unwrap_or_default();
            on.into_iter().filter(|on| alive.contains(on)).collect()
        });
        for component in order {
            self.fail_component(rows, component);
        }
    }

    /// After the first step only those can end that depend on one that ended in the step before.
    fn fail_component(&mut self, rows: &Rows<'_>, component: Vec<TaskId>) {
        let causes = |ends: &Ends, asked: &BTreeSet<TaskId>| -> Vec<(TaskId, End)> {
            let tasks = asked.iter().filter(|id| !ends.contains_key(id)).filter_map(|&id| rows.sole(id));
            tasks.filter_map(|task| Some((task.id, caused(rows, ends, task)?))).collect()
        };
        let mut dependents: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for task in component.iter().filter_map(|&id| rows.sole(id)) {
            for on in pending_dependencies(rows, task) {
                dependents.entry(on).or_default().push(task.id);
            }
        }
        let mut asked: BTreeSet<TaskId> = component.into_iter().collect();
        let failed = causes(&self.ends, &asked).iter().any(|(_, end)| end.outcome() == Outcome::Failed);
        let outcome = if failed { Outcome::Failed } else { Outcome::Canceled };
        while !asked.is_empty() {
            let mut step = causes(&self.ends, &asked);
            step.retain(|(_, end)| end.outcome() == outcome);
            asked = step.iter().filter_map(|(id, _)| dependents.get(id)).flatten().copied().collect();
            self.ends.extend(step);
        }
    }
}

/// A workflow job that waits for a dispatch that it never had: nobody has it who could be told.
fn is_waiting_workflow(task: &Task) -> bool {
    task.kind() == Kind::WorkflowJob && matches!(task.state, State::Waiting(_))
}

/// How its dependencies end a task, if they do.
fn caused(rows: &Rows<'_>, ends: &Ends, task: &Task) -> Option<End> {
    let ended = |wanted: &[Outcome]| {
        let on = task.dependencies.iter().copied();
        on.filter(
            |&on| matches!(rows.status(on, ends), Status::Finished(outcome) if wanted.contains(&outcome)),
        )
        .min()
    };
    let named = |on: TaskId| rows.all(on).iter().map(|task| (task.kind(), task.name.clone())).min();
    if let Some(on) = ended(&[Outcome::Failed, Outcome::Error]) {
        let (kind, name) = named(on)?;
        return Some(End::DependencyFailed { on, kind, name });
    }
    let on = ended(&[Outcome::Canceled])?;
    let (kind, name) = named(on)?;
    Some(End::DependencyCanceled { on, kind, name })
}
