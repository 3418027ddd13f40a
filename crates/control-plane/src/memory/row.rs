//! A task as this store keeps it: the row of the snapshot, and what a pass need not know.

use std::sync::Arc;

use scheduler_core::{DispatchId, NodeId, Placement, Reason, State, Task, TaskId, Timestamp};

use crate::definition::Run;
use crate::ports::{Membership, Output, PastTask, PastWait, StoredHold, TaskStatus, TaskView, TraceContext};

/// One task.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) task: Task,
    /// What a worker does; `None` for workflow jobs and approvals.
    pub(super) run: Option<Arc<Run>>,
    pub(super) trace: Option<TraceContext>,
    /// The node whose job it is.
    pub(super) node_of: Option<(TaskId, NodeId)>,
    /// The fence of its last dispatch, while it waits or runs.
    pub(super) dispatch: Option<DispatchId>,
    /// When that was written to the outbox.
    pub(super) dispatched: Option<Timestamp>,
    /// Where it is or was.
    pub(super) placement: Placement,
    /// Who took it up.
    pub(super) claimed_by: Option<Membership>,
    pub(super) started: Option<Timestamp>,
    pub(super) explanation: String,
    pub(super) output: Option<Output>,
    /// What it waits for; it changes by [`Row::wait_for`] and [`Row::go_on`] alone, which keep what was before.
    pub(super) hold: Option<StoredHold>,
    /// What it waited for before, one after the other.
    waits: Vec<PastWait>,
}

impl Row {
    /// A row that was just launched.
    pub(super) fn new(task: Task, run: Option<Arc<Run>>, trace: Option<TraceContext>) -> Self {
        Self {
            task,
            run,
            trace,
            node_of: None,
            dispatch: None,
            dispatched: None,
            placement: Placement::default(),
            claimed_by: None,
            started: None,
            explanation: String::new(),
            output: None,
            hold: None,
            waits: Vec::new(),
        }
    }

    /// It waits for this from now on, unless that is what it waits for already.
    pub(super) fn wait_for(&mut self, reason: &Reason, now: Timestamp) {
        if !self.hold.as_ref().is_some_and(|hold| hold.still_says(reason)) {
            self.go_on(now);
            self.hold = Some(StoredHold { reason: reason.clone(), since: now });
        }
    }

    /// It waits for nothing any more.
    pub(super) fn go_on(&mut self, now: Timestamp) {
        let over = self.hold.take();
        let over = over.map(|StoredHold { reason, since }| PastWait { reason, since, until: Some(now) });
        self.waits.extend(over);
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.task.state, State::Running(_))
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.task.state, State::Waiting(_))
    }

    /// Whether it waits under this dispatch.
    pub(super) fn waits_under(&self, dispatch: DispatchId) -> bool {
        self.is_waiting() && self.dispatch == Some(dispatch)
    }

    /// Whether it runs under this dispatch.
    pub(super) fn runs_under(&self, dispatch: DispatchId) -> bool {
        self.is_running() && self.dispatch == Some(dispatch)
    }

    /// Back to `pending`: its dispatch and its place are void.
    pub(super) fn set_back(&mut self) {
        self.task.state = State::Pending;
        self.dispatch = None;
        self.dispatched = None;
        self.placement = Placement::default();
        self.claimed_by = None;
        self.started = None;
    }

    pub(super) fn status(&self) -> TaskStatus {
        TaskStatus::of(&self.task.state)
    }

    pub(super) const fn finished(&self) -> Option<Timestamp> {
        match self.task.state {
            State::Finished { at, .. } => at,
            State::Pending | State::Waiting(_) | State::Running(_) => None,
        }
    }

    pub(super) fn past(&self) -> PastTask {
        let open = self.hold.iter().cloned();
        let open = open.map(|StoredHold { reason, since }| PastWait { reason, since, until: None });
        PastTask {
            task: self.task.clone(),
            dispatched: self.dispatched,
            started: self.started,
            placement: self.placement,
            explanation: self.explanation.clone(),
            workflow: self.node_of.map(|(workflow, _)| workflow),
            waits: self.waits.iter().cloned().chain(open).collect(),
        }
    }

    pub(super) fn view(&self) -> TaskView {
        TaskView {
            id: self.task.id,
            name: self.task.name.as_ref().to_owned(),
            kind: self.task.kind(),
            status: self.status(),
            launch_type: self.task.launch_type,
            priority: self.task.priority,
            impact: self.task.impact,
            created: self.task.created,
            started: self.started,
            finished: self.finished(),
            group: self.placement.group,
            node: self.placement.node,
            controller: self.placement.controller,
            cancel_requested: self.task.cancel_requested,
            explanation: self.explanation.clone(),
            workflow: self.node_of.map(|(workflow, _)| workflow),
            hold: self.hold.clone(),
            own_keys: self.task.own_keys.to_vec(),
        }
    }
}
