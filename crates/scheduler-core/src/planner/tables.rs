//! The tables of the snapshot beside the tasks, with each row found by its id.

use alloc::vec::Vec;

use crate::table::FxHashMap;
use crate::{
    Graph, GroupId, Instance, InstanceGroup, InstanceId, InventorySource, InventorySourceId, Project,
    ProjectId, Snapshot, TaskId,
};

/// A row with an identity.
pub(super) trait Keyed {
    type Id: Copy + Eq + core::hash::Hash;

    fn id(&self) -> Self::Id;
}

macro_rules! keyed {
    ($($row:ty: $id:ty, $field:ident;)*) => {$(
        impl Keyed for $row {
            type Id = $id;

            fn id(&self) -> $id {
                self.$field
            }
        }
    )*};
}

keyed! {
    Project: ProjectId, id;
    InventorySource: InventorySourceId, id;
    Instance: InstanceId, id;
    InstanceGroup: GroupId, id;
    Graph: TaskId, workflow;
}

/// Where the rows of a table stand.
#[derive(Debug)]
pub(super) struct Index<I>(FxHashMap<I, usize>);

impl<I: Copy + Eq + core::hash::Hash> Index<I> {
    /// An index of these rows; `None` when several have one id.
    fn of<T: Keyed<Id = I>>(rows: &[T]) -> Option<Self> {
        let index: FxHashMap<I, usize> = rows.iter().enumerate().map(|(at, row)| (row.id(), at)).collect();
        (index.len() == rows.len()).then_some(Self(index))
    }

    /// Puts a row in its place, or behind the others; the one that it replaces.
    pub(super) fn put<T: Keyed<Id = I>>(&mut self, rows: &mut Vec<T>, row: T) -> Option<T> {
        match self.0.get(&row.id()).and_then(|&at| rows.get_mut(at)) {
            Some(known) => Some(core::mem::replace(known, row)),
            None => {
                self.0.insert(row.id(), rows.len());
                rows.push(row);
                None
            }
        }
    }

    /// Takes a row out; the last one gets its place.
    pub(super) fn remove<T: Keyed<Id = I>>(&mut self, rows: &mut Vec<T>, id: I) -> Option<T> {
        let at = self.0.remove(&id).filter(|&at| at < rows.len())?;
        let row = rows.swap_remove(at);
        if let Some(moved) = rows.get(at) {
            self.0.insert(moved.id(), at);
        }
        Some(row)
    }
}

/// Indexes of all tables but the tasks.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) projects: Index<ProjectId>,
    pub(super) sources: Index<InventorySourceId>,
    pub(super) instances: Index<InstanceId>,
    pub(super) groups: Index<GroupId>,
    pub(super) graphs: Index<TaskId>,
}

impl Tables {
    /// `None` when several rows of a table have one id.
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        Some(Self {
            projects: Index::of(&snapshot.projects)?,
            sources: Index::of(&snapshot.inventory_sources)?,
            instances: Index::of(&snapshot.instances)?,
            groups: Index::of(&snapshot.groups)?,
            graphs: Index::of(&snapshot.graphs)?,
        })
    }
}
