//! Claims, reports and orders: the part of a task's life that is a worker's.

use async_trait::async_trait;
use scheduler_core::{DispatchId, Outcome, State as TaskState, TaskId, Timestamp};

use super::MemoryStore;
use super::row::Row;
use super::state::State;
use crate::ports::{
    Assignment, Claimed, Ended, Membership, Order, Report, Reported, StoreError, Verdict, Work,
};

#[async_trait]
impl Work for MemoryStore {
    async fn claim(
        &self,
        by: Membership,
        dispatches: &[(TaskId, DispatchId)],
    ) -> Result<Vec<Claimed>, StoreError> {
        Ok(self.shared.write(|state, now| {
            dispatches.iter().map(|&(task, dispatch)| state.claim(by, task, dispatch, now)).collect()
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
    fn claim(&mut self, by: Membership, id: TaskId, dispatch: DispatchId, now: Timestamp) -> Claimed {
        let is_member = self.is_member(by);
        let Some(row) = self.unfinished.get_mut(&id).filter(|_| is_member) else { return Claimed::Void };
        if row.runs_under(dispatch) && row.claimed_by == Some(by) {
            return row.assignment(dispatch);
        }
        if !row.waits_under(dispatch) {
            return Claimed::Void;
        }
        if row.task.cancel_requested {
            self.finish(id, Ended::of(Outcome::Canceled), now);
            return Claimed::Void;
        }
        // A task that no instance runs or controls would outlive its worker: whoever takes it controls it (R8.1).
        if row.placement.node.or(row.placement.controller).is_none() {
            row.placement.controller = Some(by.instance);
        }
        row.task.state = TaskState::Running(Box::new(row.placement));
        row.claimed_by = Some(by);
        row.started = Some(now);
        row.assignment(dispatch)
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
    fn assignment(&self, dispatch: DispatchId) -> Claimed {
        let Some(run) = self.run.as_deref().cloned() else { return Claimed::Void };
        let waited = self.started.zip(self.dispatched).map(|(started, dispatched)| started - dispatched);
        Claimed::Run(Box::new(Assignment {
            task: self.task.id,
            dispatch,
            kind: self.task.kind(),
            name: self.task.name.as_ref().to_owned(),
            run,
            waited: waited.and_then(|waited| waited.to_std().ok()).unwrap_or_default(),
        }))
    }
}
