//! A task as this store keeps it: the row of the snapshot, and what a pass need not know.

use std::sync::Arc;

use scheduler_core::{DispatchId, NodeId, Placement, State, Task, TaskId, Timestamp};

use crate::definition::Run;
use crate::ports::{Membership, Output, StoredHold, TaskStatus, TaskView, TraceContext};

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
    pub(super) hold: Option<StoredHold>,
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
        }
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

    pub(super) fn view(&self) -> TaskView {
        let finished = match self.task.state {
            State::Finished { at, .. } => at,
            State::Pending | State::Waiting(_) | State::Running(_) => None,
        };
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
            finished,
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
