//! Removing what is over. A portion costs a look at the dependencies of all unfinished tasks, besides what it judges.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;

use async_trait::async_trait;
use scheduler_core::{TaskId, Timestamp};

use super::MemoryStore;
use super::state::State;
use crate::ports::{Family, Kept, Purge, PurgeMark, Purged, Retention, StoreError};

#[async_trait]
impl Retention for MemoryStore {
    async fn ended_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        let count = self.shared.read(|state, _| state.ended(Bound::Unbounded, moment).count());
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    async fn purge(&self, portion: &Purge) -> Result<Purged, StoreError> {
        let _alone = self.shared.past.write().await;
        Ok(self.shared.write(|state, _| state.purge(portion)))
    }
}

/// What keeps finished tasks, as of one moment.
struct Keepers {
    dependencies: HashSet<TaskId>,
    last_updates: BTreeSet<TaskId>,
    unsent: BTreeSet<TaskId>,
}

impl Keepers {
    fn of(state: &State) -> Self {
        let catalogue = &state.catalogue;
        let projects = state.project_updates.iter().filter(|(id, _)| catalogue.projects.get(**id).is_some());
        let sources = state.source_updates.iter().filter(|(id, _)| catalogue.sources.get(**id).is_some());
        let last_updates = projects.map(|(_, last)| last.task).chain(sources.map(|(_, last)| last.task));
        Self {
            dependencies: state.unfinished.values().flat_map(|row| &row.task.dependencies).copied().collect(),
            last_updates: last_updates.collect(),
            unsent: state.outbox.tasks().collect(),
        }
    }

    fn keeps(&self, task: TaskId) -> Option<Kept> {
        if self.dependencies.contains(&task) {
            Some(Kept::Dependency)
        } else if self.last_updates.contains(&task) {
            Some(Kept::LastUpdate)
        } else if self.unsent.contains(&task) {
            Some(Kept::Unsent)
        } else {
            None
        }
    }
}

impl State {
    fn purge(&mut self, portion: &Purge) -> Purged {
        let from = portion.after.map_or(Bound::Unbounded, |mark| Bound::Excluded((mark.finished, mark.task)));
        let judged: Vec<(Timestamp, TaskId)> =
            self.ended(from, portion.ended_before).take(portion.limit).collect();
        let keepers = Keepers::of(self);
        let mut families: BTreeMap<TaskId, Family> = BTreeMap::new();
        let mut purged = Purged::default();
        for &(_, task) in &judged {
            let root = self.root(task);
            let family =
                families.entry(root).or_insert_with(|| self.family(root, portion.ended_before, &keepers));
            match family.verdict(task) {
                Some(why) => purged.keep(why),
                None if portion.dry_run => purged.removed = purged.removed.saturating_add(1),
                None => {}
            }
        }
        if !portion.dry_run {
            for member in families.values().flat_map(Family::removable) {
                self.forget(member);
                purged.removed = purged.removed.saturating_add(1);
            }
        }
        let last = judged.last().filter(|_| judged.len() == portion.limit);
        purged.next = last.map(|&(finished, task)| PurgeMark { finished, task });
        purged
    }

    /// The outermost workflow job that a task belongs to; itself when it belongs to none.
    fn root(&self, task: TaskId) -> TaskId {
        let mut root = task;
        while let Some((workflow, _)) = self.row(root).and_then(|row| row.node_of) {
            root = workflow;
        }
        root
    }

    fn family(&self, root: TaskId, ended_before: Timestamp, keepers: &Keepers) -> Family {
        let mut family = Family::default();
        let mut open = vec![root];
        while let Some(member) = open.pop() {
            open.extend(self.jobs(member));
            let finished = self.finished(member).and_then(super::row::Row::finished);
            if finished.is_some_and(|finished| finished < ended_before) {
                family.add(member, keepers.keeps(member));
            } else {
                family.add_young();
            }
        }
        family
    }
}
