//! What people ask of the store: launch, cancel, answer, define, look.

mod ask;
mod catalogue;
mod define;
mod history;
mod launch;
mod launchable;
mod statistics;
mod view;

use async_trait::async_trait;
use control_plane::definition::{Applied, DefinitionKind, Definitions};
use control_plane::ports::{
    Admin, Answer, Answered, CancelAnswer, Counts, HistoryFilter, Launch, NodeView, Output, PastTask,
    Statistics, StoreError, TaskFilter, TaskView,
};
use scheduler_core::TaskId;

use crate::session::Mode;
use crate::store::PostgresStore;

#[async_trait]
impl Admin for PostgresStore {
    async fn launch(&self, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError> {
        launch::launch(self, launches).await
    }

    async fn launch_many(
        &self,
        launches: &[Launch],
        taken: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<Vec<TaskId>, StoreError> {
        launch::launch_many(self, launches, taken).await
    }

    async fn cancel(&self, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError> {
        ask::cancel(self, tasks).await
    }

    async fn answer(&self, approval: TaskId, answer: Answer) -> Result<Answered, StoreError> {
        ask::answer(self, approval, answer).await
    }

    async fn define(&self, definitions: &Definitions) -> Result<Applied, StoreError> {
        define::define(self, definitions).await
    }

    async fn definitions(&self) -> Result<Definitions, StoreError> {
        let mut session = self.session("reading the definitions").await?;
        session.begin("reading the definitions", Mode::Read, "").await?;
        let catalogue = catalogue::read(&session, &self.inner.flaws).await?;
        session.commit("reading the definitions").await?;
        Ok(catalogue.definitions)
    }

    async fn remove(&self, kind: DefinitionKind, name: &str) -> Result<bool, StoreError> {
        define::remove(self, kind, name).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskView>, StoreError> {
        view::task(self, id).await
    }

    async fn output(&self, id: TaskId) -> Result<Option<Output>, StoreError> {
        view::output(self, id).await
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskView>, StoreError> {
        view::tasks(self, filter).await
    }

    async fn history(&self, filter: &HistoryFilter) -> Result<Vec<PastTask>, StoreError> {
        history::history(self, filter).await
    }

    async fn nodes(&self) -> Result<Vec<NodeView>, StoreError> {
        statistics::nodes(self).await
    }
}

#[async_trait]
impl Counts for PostgresStore {
    async fn statistics(&self) -> Result<Statistics, StoreError> {
        statistics::statistics(self).await
    }
}
