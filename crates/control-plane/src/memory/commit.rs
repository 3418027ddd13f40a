//! Writing a plan: checked as a whole first, then written as a whole (R12.3).
//!
//! A row counts as changed when its state (status, dispatch, place) or whether a cancel was asked for is not what the snapshot
//! shows. What a plan ends or takes back must be unchanged, or nothing is written; a start, a redispatch, a creation or a step of a node
//! is left out when the row that it rests on changed, and with a creation whatever was linked to it. A task whose link is left
//! out keeps the rest for a later pass: it is derived for anew.

use std::collections::{BTreeSet, HashMap};

use scheduler_core::{
    Action, Create, CreateId, Derived, End, Malformed, NodeDecision, NodeStep, Origin, Outcome, Place, Plan,
    Progress, Reason, Snapshot, Task, TaskId, TaskRef, Then, Timestamp, Work,
};

use super::fill::{Filled, Subject};
use super::state::{Birth, State};
use crate::ports::{Commit, Committed, Ended, SkippedStart};

/// Writes a plan that was made from this snapshot.
pub(super) fn commit(state: &mut State, snapshot: &Snapshot, plan: &Plan, now: Timestamp) -> Commit {
    let seen: HashMap<TaskId, &Task> = snapshot.tasks.iter().map(|task| (task.id, task)).collect();
    let guard = Guard { seen };
    let bound = plan
        .decisions
        .iter()
        .filter(|decision| decision.action.end().is_some() || matches!(decision.action, Action::TakeBack(_)));
    if let Some(stale) = bound.map(|decision| decision.task).find(|&task| !guard.is_unchanged(state, task)) {
        return Commit::Stale { task: stale };
    }
    let mut writer =
        Writer { moment: snapshot.now, now, unchanged: BTreeSet::new(), done: Committed::default() };
    // What rests on a row is judged by the row as it was before this plan touches it.
    let touched = plan.decisions.iter().map(|decision| decision.task);
    let touched = touched.chain(plan.derived.iter().map(|derived| derived.task));
    let touched = touched.chain(plan.nodes.iter().map(|decision| decision.workflow));
    let touched = touched.chain(plan.creates.iter().filter_map(|create| asker(create.origin)));
    writer.unchanged = touched.filter(|&task| guard.is_unchanged(state, task)).collect();
    writer.create_all(state, &plan.creates);
    for derived in &plan.derived {
        writer.link(state, derived);
    }
    for decision in &plan.nodes {
        writer.step(state, decision);
    }
    for decision in &plan.decisions {
        writer.decide(state, decision.task, &decision.action);
    }
    Commit::Done(writer.done)
}

/// The row that asks for a creation, if no other creation does.
const fn asker(origin: Origin) -> Option<TaskId> {
    match origin {
        Origin::Dependency { of } => of.task(),
        Origin::Node { workflow, .. } => Some(workflow),
    }
}

/// What the plan was made from.
struct Guard<'a> {
    seen: HashMap<TaskId, &'a Task>,
}

impl Guard<'_> {
    fn is_unchanged(&self, state: &State, id: TaskId) -> bool {
        let (Some(seen), Some(row)) = (self.seen.get(&id), state.unfinished.get(&id)) else { return false };
        row.task.state == seen.state && row.task.cancel_requested == seen.cancel_requested
    }
}

struct Writer {
    /// The moment for which the pass decided.
    moment: Timestamp,
    /// The moment of this transaction.
    now: Timestamp,
    /// The rows of the plan that are as it saw them.
    unchanged: BTreeSet<TaskId>,
    done: Committed,
}

impl Writer {
    fn create_all(&mut self, state: &mut State, creates: &[Create]) {
        self.done.created = vec![None; creates.len()];
        for (position, create) in creates.iter().enumerate() {
            let id = self.is_asked_for(creates, create).then(|| self.create(state, create)).flatten();
            if let Some(slot) = self.done.created.get_mut(position) {
                *slot = id;
            }
        }
        // A creation may depend on one that stands after it, so links come last.
        for (position, create) in creates.iter().enumerate() {
            let Some(id) = self.done.created.get(position).copied().flatten() else { continue };
            let links: Option<Vec<TaskId>> =
                create.dependencies.iter().map(|&link| self.resolve(link)).collect();
            let Some(row) = state.unfinished.get_mut(&id) else { continue };
            if let Some(links) = links {
                row.task.dependencies.extend(links);
                row.task.dependencies_derived = create.dependencies_derived;
            }
        }
    }

    /// Whether the row that asks for it, by way of other creations or directly, is unchanged.
    fn is_asked_for(&self, creates: &[Create], create: &Create) -> bool {
        let mut origin = create.origin;
        // A chain is at most as long as there are creations.
        for _ in creates {
            match origin {
                Origin::Dependency { of: TaskRef::New { id, .. } } => match creates.get(id.position()) {
                    Some(above) => origin = above.origin,
                    None => return false,
                },
                Origin::Dependency { of: TaskRef::Task { id, .. } } => return self.unchanged.contains(&id),
                Origin::Node { workflow, .. } => return self.unchanged.contains(&workflow),
            }
        }
        false
    }

    fn create(&self, state: &mut State, create: &Create) -> Option<TaskId> {
        let filled = fill(state, create, self.now)?;
        let trace = match asker(create.origin) {
            Some(by) => state.unfinished.get(&by).and_then(|row| row.trace.clone()),
            None => None,
        };
        let birth = Birth { created: create.created.unwrap_or(self.moment), launch_type: create.launch_type };
        let row = state.insert(filled, birth);
        row.task.priority = create.priority;
        row.trace = trace;
        let id = row.task.id;
        if let Origin::Node { workflow, node } = create.origin {
            state.place(id, workflow, node);
        }
        if let Some(failure) = &create.failed {
            state.finish(id, Ended::because(Outcome::Failed, failure.to_string()), self.now);
        }
        Some(id)
    }

    fn created(&self, id: CreateId) -> Option<TaskId> {
        self.done.created.get(id.position()).copied().flatten()
    }

    fn resolve(&self, link: TaskRef) -> Option<TaskId> {
        match link {
            TaskRef::Task { id, .. } => Some(id),
            TaskRef::New { id, .. } => self.created(id),
        }
    }

    fn link(&self, state: &mut State, derived: &Derived) {
        let links: Option<Vec<TaskId>> = derived.links.iter().map(|&link| self.resolve(link)).collect();
        if let (Some(links), true) = (links, self.unchanged.contains(&derived.task))
            && let Some(row) = state.unfinished.get_mut(&derived.task)
        {
            row.task.dependencies.extend(links);
            row.task.dependencies_derived = true;
        }
    }

    fn step(&self, state: &mut State, decision: &NodeDecision) {
        if !self.unchanged.contains(&decision.workflow) {
            return;
        }
        let progress = match decision.step {
            NodeStep::Run(create) => match self.created(create) {
                Some(job) => progress_of(state, job),
                None => return,
            },
            NodeStep::Skip(_) => Progress::Skipped,
            NodeStep::TemplateMissing => Progress::TemplateMissing,
        };
        let graph = state.graphs.get_mut(&decision.workflow);
        if let Some(node) = graph.and_then(|graph| graph.nodes.get_mut(&decision.node)) {
            node.progress = progress;
        }
    }

    fn decide(&mut self, state: &mut State, id: TaskId, action: &Action) {
        match action {
            Action::Start(place) => {
                if self.unchanged.contains(&id) {
                    self.start(state, id, *place);
                } else {
                    self.done.skipped.push(SkippedStart { task: id });
                }
            }
            Action::Hold(reason) => self.hold(state, id, reason),
            Action::End(end) => self.end(state, id, end),
            Action::TakeBack(back) => match &back.then {
                Then::Start(place) => self.start(state, id, *place),
                Then::Hold(reason) => {
                    if let Some(row) = state.unfinished.get_mut(&id) {
                        row.set_back();
                    }
                    self.hold(state, id, reason);
                }
                Then::End(end) => self.end(state, id, end),
            },
            Action::Redispatch(_) => self.redispatch(state, id),
            Action::RequestCancel { .. } => self.request_cancel(state, id),
            Action::Leave(malformed) => self.leave(state, id, malformed),
        }
    }

    fn start(&mut self, state: &mut State, id: TaskId, place: Place) {
        if place == Place::Nowhere {
            state.start_nowhere(id, self.now);
        } else if state.dispatch(id, place.into(), self.now) {
            self.done.dispatched = self.done.dispatched.saturating_add(1);
        }
    }

    fn redispatch(&mut self, state: &mut State, id: TaskId) {
        let placement = state.unfinished.get(&id).map(|row| row.placement);
        match placement {
            Some(placement) if self.unchanged.contains(&id) => {
                if state.dispatch(id, placement, self.now) {
                    self.done.dispatched = self.done.dispatched.saturating_add(1);
                }
            }
            _ => self.done.skipped.push(SkippedStart { task: id }),
        }
    }

    fn end(&self, state: &mut State, id: TaskId, end: &End) {
        // Whoever runs it must learn that it does no longer.
        state.woken.orders |= state.unfinished.get(&id).is_some_and(super::row::Row::is_running);
        state.finish(id, Ended::because(end.outcome(), end.to_string()), self.now);
    }

    /// Only what waits for something else than before is written, with the moment since which it does.
    fn hold(&self, state: &mut State, id: TaskId, reason: &Reason) {
        let Some(row) = state.unfinished.get_mut(&id) else { return };
        if row.task.state == scheduler_core::State::Pending {
            row.wait_for(reason, self.moment);
        }
    }

    fn leave(&self, state: &mut State, id: TaskId, malformed: &Malformed) {
        if let Some(row) = state.unfinished.get_mut(&id) {
            row.wait_for(&Reason::Malformed(malformed.clone()), self.moment);
        }
    }

    /// The request holds whatever the task did meanwhile, so it needs no guard: one that still waits is canceled at once, since
    /// nobody runs it, and the worker of one that runs is told.
    fn request_cancel(&self, state: &mut State, id: TaskId) {
        state.ask_to_cancel(id, self.now);
    }
}

/// How far the node is whose job was just created.
fn progress_of(state: &State, job: TaskId) -> Progress {
    match state.row(job).map(|row| &row.task.state) {
        Some(scheduler_core::State::Finished { outcome, .. }) => {
            Progress::Ended { task: job, outcome: *outcome }
        }
        _ => Progress::Job(job),
    }
}

/// What the store fills in; `None` when the definition was removed since the snapshot.
fn fill(state: &State, create: &Create, now: Timestamp) -> Option<Filled> {
    let catalogue = &state.catalogue;
    let (subject, payload) = match create.origin {
        Origin::Node { workflow, node } => {
            let graph = state.graphs.get(&workflow)?;
            (graph.nodes.get(&node)?.starts.clone()?, graph.payload.as_ref())
        }
        Origin::Dependency { .. } => match create.work {
            Work::ProjectUpdate { project: Some(project), .. } => (Subject::Project(project), None),
            Work::InventoryUpdate { source: Some(source), .. } => (Subject::Source(source), None),
            _ => return None,
        },
    };
    let mut filled = catalogue.fill(&subject, payload, now)?;
    // The plan was made for this work, whatever became of the definition since; only an approval's end is the store's.
    if !matches!(create.work, Work::WorkflowApproval { .. }) {
        filled.work = create.work.clone();
    }
    Some(filled)
}
