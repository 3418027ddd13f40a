//! Projects and inventory sources.

use crate::{
    InventoryId, InventorySource, InventorySourceId, LastUpdate, Outcome, Project, ProjectId, Seconds, TaskId,
};

use super::Moment;

/// A project in the making: it does not update on launch and was never updated.
#[derive(Clone, Debug)]
#[must_use]
pub struct ProjectBuilder {
    pub(super) row: Project,
}

/// A project.
pub fn project(id: impl Into<ProjectId>) -> ProjectBuilder {
    let row = Project {
        id: id.into(),
        update_on_launch: false,
        cache_timeout: Seconds::default(),
        last_update: None,
    };
    ProjectBuilder { row }
}

impl ProjectBuilder {
    /// A job of it first needs an update that is at most this old.
    pub fn update_on_launch(mut self, cache_timeout: impl Into<Seconds>) -> Self {
        self.row.update_on_launch = true;
        self.row.cache_timeout = cache_timeout.into();
        self
    }

    /// Its last update, and when it finished.
    pub fn last_update(mut self, task: impl Into<TaskId>, outcome: Outcome, at: impl Into<Moment>) -> Self {
        self.row.last_update = Some(LastUpdate { task: task.into(), outcome, at: Some(at.into().0) });
        self
    }
}

/// An inventory source in the making: it does not update on launch, reads from no project and was never updated.
#[derive(Clone, Debug)]
#[must_use]
pub struct SourceBuilder {
    pub(super) row: InventorySource,
}

/// A source of this inventory.
pub fn source(id: impl Into<InventorySourceId>, inventory: impl Into<InventoryId>) -> SourceBuilder {
    let row = InventorySource {
        id: id.into(),
        inventory: inventory.into(),
        update_on_launch: false,
        cache_timeout: Seconds::default(),
        source_project: None,
        last_update: None,
    };
    SourceBuilder { row }
}

impl SourceBuilder {
    /// A job of the inventory first needs an update that is at most this old.
    pub fn update_on_launch(mut self, cache_timeout: impl Into<Seconds>) -> Self {
        self.row.update_on_launch = true;
        self.row.cache_timeout = cache_timeout.into();
        self
    }

    /// It is read from this project (type `scm`).
    pub fn from_project(mut self, project: impl Into<ProjectId>) -> Self {
        self.row.source_project = Some(project.into());
        self
    }

    /// Its last update, and when it finished.
    pub fn last_update(mut self, task: impl Into<TaskId>, outcome: Outcome, at: impl Into<Moment>) -> Self {
        self.row.last_update = Some(LastUpdate { task: task.into(), outcome, at: Some(at.into().0) });
        self
    }
}
