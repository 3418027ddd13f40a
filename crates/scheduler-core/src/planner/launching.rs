//! What updates on launch, and which tasks need it (R4): for these a full pass derives the dependencies.

use crate::table::{FxHashMap, FxHashSet};
use crate::{InventoryId, InventorySource, Kind, Project, ProjectId, Snapshot, Task, Work};

/// The projects that update on launch, and how many sources of each inventory do.
#[derive(Debug, Default)]
pub(super) struct Launching {
    projects: FxHashSet<ProjectId>,
    sources: FxHashMap<InventoryId, usize>,
}

impl Launching {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut launching = Self::default();
        for project in &snapshot.projects {
            launching.project(None, Some(project));
        }
        for source in &snapshot.inventory_sources {
            launching.source(None, Some(source));
        }
        launching
    }

    /// A project comes, changes or goes; whether that matters.
    pub(super) fn project(&mut self, old: Option<&Project>, new: Option<&Project>) -> bool {
        let launching = |row: Option<&Project>| row.filter(|row| row.update_on_launch).map(|row| row.id);
        let (old, new) = (launching(old), launching(new));
        if old == new {
            return false;
        }
        if let Some(old) = old {
            self.projects.remove(&old);
        }
        self.projects.extend(new);
        true
    }

    /// A source comes, changes or goes; whether that matters.
    pub(super) fn source(&mut self, old: Option<&InventorySource>, new: Option<&InventorySource>) -> bool {
        let launching =
            |row: Option<&InventorySource>| row.filter(|row| row.update_on_launch).map(|row| row.inventory);
        let (old, new) = (launching(old), launching(new));
        if old == new {
            return false;
        }
        if let Some(old) = old
            && let Some(count) = self.sources.get_mut(&old)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sources.remove(&old);
            }
        }
        if let Some(new) = new {
            let count = self.sources.entry(new).or_default();
            *count = count.saturating_add(1);
        }
        true
    }

    /// Whether a task needs any of it.
    pub(super) fn is_needed_by(&self, task: &Task) -> bool {
        let project = |id: Option<ProjectId>| id.is_some_and(|id| self.projects.contains(&id));
        let inventory = |id: Option<InventoryId>| id.is_some_and(|id| self.sources.contains_key(&id));
        match task.work {
            Work::Job { project: of, inventory: on, .. } => project(of) || inventory(on),
            Work::InventoryUpdate { source_project, .. } => project(source_project),
            _ => false,
        }
    }
}

/// Whether its dependencies are still to be derived (R4).
pub(super) fn is_underived(task: &Task) -> bool {
    !task.dependencies_derived && matches!(task.kind(), Kind::Job | Kind::InventoryUpdate)
}
