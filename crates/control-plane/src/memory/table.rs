//! Definitions of one kind, by id and by name. An id is never given twice, so that a task of a removed definition is never
//! taken for one of its successor of the same name.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::GroupId;

use crate::definition::{Definition, Run};

/// One definition, with what filling a task in needs at hand: shared by all its tasks.
#[derive(Clone, Debug)]
pub(super) struct Entry<I, D> {
    pub(super) id: I,
    pub(super) name: Arc<str>,
    pub(super) definition: D,
    pub(super) groups: Arc<[GroupId]>,
    pub(super) run: Option<Arc<Run>>,
}

/// What putting a definition into a table did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Created,
    Changed,
    Unchanged,
}

/// The definitions of one kind. Cloning costs a pointer for each.
#[derive(Clone, Debug)]
pub(super) struct Table<I, D> {
    rows: BTreeMap<I, Arc<Entry<I, D>>>,
    names: BTreeMap<Arc<str>, I>,
    last: i64,
}

impl<I, D> Default for Table<I, D> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), names: BTreeMap::new(), last: 0 }
    }
}

impl<I: Copy + Ord + From<i64>, D: Definition> Table<I, D> {
    pub(super) fn get(&self, id: I) -> Option<&Entry<I, D>> {
        self.rows.get(&id).map(Arc::as_ref)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Entry<I, D>> {
        self.get(self.id(name)?)
    }

    pub(super) fn id(&self, name: &str) -> Option<I> {
        self.names.get(name).copied()
    }

    /// In the order in which they were defined.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<I, D>> {
        self.rows.values().map(Arc::as_ref)
    }

    pub(super) fn definitions(&self) -> Vec<D> {
        self.iter().map(|entry| entry.definition.clone()).collect()
    }

    /// Adds or replaces; the groups are resolved by [`Table::resolve`] once all groups are there.
    pub(super) fn put(&mut self, definition: &D) -> Change {
        let known = self.named(definition.name());
        if known.is_some_and(|entry| entry.definition == *definition) {
            return Change::Unchanged;
        }
        let (id, name, change) = match known {
            Some(entry) => (entry.id, Arc::clone(&entry.name), Change::Changed),
            None => {
                self.last = self.last.saturating_add(1);
                (I::from(self.last), Arc::from(definition.name()), Change::Created)
            }
        };
        self.names.insert(Arc::clone(&name), id);
        let entry = Entry {
            id,
            name,
            definition: definition.clone(),
            groups: Arc::from([]),
            run: definition.run().cloned().map(Arc::new),
        };
        self.rows.insert(id, Arc::new(entry));
        change
    }

    /// Looks the groups of new entries up; those of old ones cannot have changed, since a group that is named stays.
    pub(super) fn resolve(&mut self, group: impl Fn(&str) -> Option<GroupId>) {
        for row in self.rows.values_mut() {
            if row.groups.len() != row.definition.groups().len() {
                let groups = row.definition.groups().iter().filter_map(|name| group(name)).collect();
                let mut entry = row.as_ref().clone();
                entry.groups = groups;
                *row = Arc::new(entry);
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        let id = self.names.remove(name);
        id.is_some_and(|id| self.rows.remove(&id).is_some())
    }
}
