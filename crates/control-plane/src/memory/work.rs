//! Claims, reports and orders: the part of a task's life that is a worker's.

use async_trait::async_trait;
use scheduler_core::{
    DispatchId, Outcome, State as TaskState, TaskId, Timestamp, Work as TaskWork, WorkflowOf,
};

use super::MemoryStore;
use super::row::Row;
use super::state::State;
use crate::ports::{
    Assignment, Claimed, Claims, Ended, Membership, Order, Queue, Report, Reported, Slice, SliceNumber,
    StoreError, Verdict, Work,
};

#[async_trait]
impl Work for MemoryStore {
    async fn claim(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Result<Claims, StoreError> {
        Ok(self.shared.write(|state, now| {
            if !state.is_member(by) {
                return Claims::Replaced;
            }
            let claimed = dispatches.iter().map(|&(task, dispatch)| state.claim(by, task, dispatch, now));
            Claims::Answered(claimed.collect())
        }))
    }

    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, StoreError> {
        Ok(self
            .shared
            .write(|state, now| reports.iter().map(|report| state.take_report(report, now)).collect()))
    }

    async fn orders(&self, running: &[(TaskId, DispatchId)]) -> Result<Vec<(TaskId, Order)>, StoreError> {
        Ok(self.shared.read(|state, _| {
            running
                .iter()
                .filter_map(|&(task, dispatch)| Some((task, state.order(task, dispatch)?)))
                .collect()
        }))
    }
}

impl State {
    /// A claim by a member.
    fn claim(&mut self, by: Membership, id: TaskId, dispatch: DispatchId, now: Timestamp) -> Claimed {
        let Some(row) = self.unfinished.get_mut(&id) else { return Claimed::Void };
        if row.runs_under(dispatch) && row.claimed_by == Some(by) {
            return self.assignment(id, dispatch);
        }
        let is_for_any = match Queue::of(row.placement) {
            Queue::Shared => true,
            Queue::Node(node) if node == by.instance => false,
            Queue::Node(_) => return Claimed::Void,
        };
        if !row.waits_under(dispatch) {
            return Claimed::Void;
        }
        if row.task.cancel_requested {
            self.finish(id, Ended::of(Outcome::Canceled), now);
            return Claimed::Void;
        }
        // A task that no instance runs or controls would outlive its worker: whoever takes it controls it (R8.1).
        if is_for_any {
            row.placement.controller = Some(by.instance);
        }
        row.task.state = TaskState::Running(Box::new(row.placement));
        row.claimed_by = Some(by);
        row.started = Some(now);
        self.assignment(id, dispatch)
    }

    fn assignment(&self, id: TaskId, dispatch: DispatchId) -> Claimed {
        let claimed = self.unfinished.get(&id).and_then(|row| row.assignment(dispatch, self.slice(row)));
        claimed.map_or(Claimed::Void, |assignment| Claimed::Run(Box::new(assignment)))
    }

    /// Which slice a job is, if its workflow job was made of slices.
    fn slice(&self, row: &Row) -> Option<Slice> {
        let (workflow, node) = row.node_of?;
        let of_slices =
            |row: &&Row| matches!(row.task.work, TaskWork::WorkflowJob { of: WorkflowOf::Slices(_), .. });
        self.unfinished.get(&workflow).filter(of_slices)?;
        let count = |number: usize| u32::try_from(number).ok().map(SliceNumber);
        let nodes = self.graphs.get(&workflow)?.nodes.len();
        Some(Slice { number: count(usize::try_from(node.get()).ok()?)?, of: count(nodes)? })
    }

    fn take_report(&mut self, report: &Report, now: Timestamp) -> Reported {
        let Some(row) = self.unfinished.get_mut(&report.task) else { return Reported::Void };
        if !row.runs_under(report.dispatch) {
            return Reported::Void;
        }
        match &report.verdict {
            Verdict::Ended(ended) => self.finish(report.task, ended.clone(), now),
            Verdict::HandedBack => {
                row.set_back();
                self.woken.schedule = true;
            }
        }
        Reported::Written
    }

    fn order(&self, id: TaskId, dispatch: DispatchId) -> Option<Order> {
        match self.unfinished.get(&id).filter(|row| row.runs_under(dispatch)) {
            None => Some(Order::Abandon),
            Some(row) => row.task.cancel_requested.then_some(Order::Cancel),
        }
    }
}

impl Row {
    fn assignment(&self, dispatch: DispatchId, slice: Option<Slice>) -> Option<Assignment> {
        let run = self.run.as_deref().cloned()?;
        let waited = self.started.zip(self.dispatched).map(|(started, dispatched)| started - dispatched);
        Some(Assignment {
            task: self.task.id,
            dispatch,
            kind: self.task.kind(),
            name: self.task.name.as_ref().to_owned(),
            run,
            slice,
            waited: waited.and_then(|waited| waited.to_std().ok()).unwrap_or_default(),
        })
    }
}
