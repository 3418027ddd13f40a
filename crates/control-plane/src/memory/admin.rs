//! What people ask: cancel, answer, define, look. Launching stands in its own file.

use async_trait::async_trait;
use scheduler_core::{Outcome, TaskId, Timestamp, Work};

use super::state::State;
use super::{MemoryStore, view};
use crate::definition::{Applied, DefinitionKind, Definitions};
use crate::ports::{
    Admin, Answer, Answered, CancelAnswer, Counts, Ended, HistoryFilter, Launch, NodeView, Output, PastTask,
    Statistics, StoreError, TaskFilter, TaskView,
};

#[async_trait]
impl Admin for MemoryStore {
    async fn launch(&self, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError> {
        Launch::check(launches)?;
        self.shared.write(|state, now| state.launch(launches, now))
    }

    async fn cancel(&self, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError> {
        Ok(self.shared.write(|state, now| tasks.iter().map(|&task| state.ask_to_cancel(task, now)).collect()))
    }

    async fn answer(&self, approval: TaskId, answer: Answer) -> Result<Answered, StoreError> {
        Ok(self.shared.write(|state, now| state.answer(approval, answer, now)))
    }

    async fn define(&self, definitions: &Definitions) -> Result<Applied, StoreError> {
        self.shared.write(|state, _| {
            let (catalogue, applied) = state.catalogue.with(definitions)?;
            state.catalogue = catalogue;
            let changed = !applied.created.is_empty() || !applied.changed.is_empty() || applied.rules_changed;
            state.woken.schedule |= changed;
            Ok(applied)
        })
    }

    async fn definitions(&self) -> Result<Definitions, StoreError> {
        Ok(self.shared.read(|state, _| state.catalogue.definitions()))
    }

    async fn remove(&self, kind: DefinitionKind, name: &str) -> Result<bool, StoreError> {
        self.shared.write(|state, _| {
            let Some(catalogue) = state.catalogue.without(kind, name)? else { return Ok(false) };
            state.catalogue = catalogue;
            let instances = &state.catalogue.instances;
            state.members.retain(|&instance, _| instances.get(instance).is_some());
            state.woken.schedule = true;
            Ok(true)
        })
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskView>, StoreError> {
        Ok(self.shared.read(|state, _| state.row(id).map(super::row::Row::view)))
    }

    async fn output(&self, id: TaskId) -> Result<Option<Output>, StoreError> {
        Ok(self.shared.read(|state, _| state.row(id).and_then(|row| row.output.clone())))
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskView>, StoreError> {
        Ok(self.shared.read(|state, _| view::tasks(state, filter)))
    }

    async fn history(&self, filter: &HistoryFilter) -> Result<Vec<PastTask>, StoreError> {
        Ok(self.shared.read(|state, _| view::history(state, filter)))
    }

    async fn nodes(&self) -> Result<Vec<NodeView>, StoreError> {
        Ok(self.shared.read(|state, _| view::nodes(state)))
    }
}

#[async_trait]
impl Counts for MemoryStore {
    async fn statistics(&self) -> Result<Statistics, StoreError> {
        Ok(self.shared.read(view::statistics))
    }
}

impl State {
    /// Records a request to cancel. A task that waits is canceled at once, since nobody runs it (R8.3).
    pub(super) fn ask_to_cancel(&mut self, id: TaskId, now: Timestamp) -> CancelAnswer {
        let Some(row) = self.unfinished.get_mut(&id) else {
            return if self.finished(id).is_some() {
                CancelAnswer::AlreadyFinished
            } else {
                CancelAnswer::Unknown
            };
        };
        row.task.cancel_requested = true;
        if row.is_waiting() {
            self.finish(id, Ended::because(Outcome::Canceled, "it was asked to cancel"), now);
            return CancelAnswer::Canceled;
        }
        self.woken.orders |= row.dispatch.is_some();
        self.woken.schedule |= row.dispatch.is_none();
        CancelAnswer::Requested
    }

    fn answer(&mut self, approval: TaskId, answer: Answer, now: Timestamp) -> Answered {
        let Some(row) = self.row(approval) else { return Answered::Unknown };
        let is_approval = matches!(row.task.work, Work::WorkflowApproval { .. });
        if !is_approval || !row.is_running() || row.task.cancel_requested {
            return Answered::NotWaiting;
        }
        let ended = match answer {
            Answer::Approve => Ended::because(Outcome::Successful, "it was approved"),
            Answer::Deny => Ended::because(Outcome::Failed, "it was denied"),
        };
        self.finish(approval, ended, now);
        Answered::Recorded
    }
}
