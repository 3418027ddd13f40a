//! What a suite needs to set the scene, beside the store under test.

use std::fmt;

use async_trait::async_trait;
use control_plane::definition::Definitions;
use control_plane::ports::{Admin, CancelAnswer, Launch, StoreError, TaskFilter, TaskStatus, TaskView};
use scheduler_core::TaskId;

/// Sets the scene of a test: defines, launches, cancels, and shows what became of it.
///
/// Every store that implements [`Admin`] is one. A store that serves people in a way of its own brings one for its tests, which writes
/// the rows that such a definition or launch means and wakes the schedulers ([`Wake`](control_plane::ports::Wake)).
#[async_trait]
pub trait Stage: fmt::Debug + Send + Sync {
    /// Creates or changes what is named here; what is not named stays as it is. The suite of a node's store defines rules, instances,
    /// groups, projects, inventories and their sources, templates, system jobs and workflows.
    async fn define(&self, definitions: &Definitions) -> Result<(), StoreError>;

    /// Launches these, all in one transaction: `pending` rows, whose ids stand in the order of the launches.
    async fn launch(&self, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError>;

    /// Asks to cancel these, as [`Admin::cancel`] says.
    async fn cancel(&self, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError>;

    /// Every task, in any order, those that have ended too.
    async fn tasks(&self) -> Result<Vec<TaskView>, StoreError>;

    /// One task.
    async fn task(&self, id: TaskId) -> Result<Option<TaskView>, StoreError> {
        Ok(self.tasks().await?.into_iter().find(|task| task.id == id))
    }
}

#[async_trait]
impl<A: Admin> Stage for A {
    async fn define(&self, definitions: &Definitions) -> Result<(), StoreError> {
        Admin::define(self, definitions).await.map(drop)
    }

    async fn launch(&self, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError> {
        Admin::launch(self, launches).await
    }

    async fn cancel(&self, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError> {
        Admin::cancel(self, tasks).await
    }

    async fn tasks(&self) -> Result<Vec<TaskView>, StoreError> {
        let all = TaskFilter { statuses: TaskStatus::ALL.to_vec(), limit: usize::MAX };
        Admin::tasks(self, &all).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskView>, StoreError> {
        Admin::task(self, id).await
    }
}
