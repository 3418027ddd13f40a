//! Removing finished tasks that are old enough, in portions, without taking from anybody what is still needed.
//!
//! What a purge goes by:
//!
//! - Only a task that ended before the moment is removed, with all that hangs on it: what it printed, what it waited for, the
//!   graph of a workflow job, and what it ran once nothing else runs the same.
//! - A task is kept while a task that has not ended depends on it (R5), while the outbox holds a message for it, and while it is the
//!   last update of its project or inventory source (R4.2).
//! - A workflow job and everything in it, whatever is nested in what, are a [`Family`], which is removed as a whole or not at all: once
//!   all of it ended before the moment and none of it is kept for itself. So no job outlives its workflow, and no graph its jobs.
//!
//! So a pass plans the same for what has not ended, before a purge and after. What is written of tasks in words and in the waits of
//! others stays as it was, though it may name a task that is gone.
//!
//! A portion is one transaction, which no pass runs beside: a pass may link a task to an update that it has read of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use scheduler_core::{TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// Removes what is over.
#[async_trait]
pub trait Retention: fmt::Debug + Send + Sync {
    /// How many tasks ended before this moment, whether a purge would remove them or not: for whoever shows how far one is.
    async fn ended_before(&self, moment: Timestamp) -> Result<u64, StoreError>;

    /// Judges the next tasks that ended before the moment, those that ended first before others, and removes what nothing keeps;
    /// with [`Purge::dry_run`] it only counts. Waits for a pass that is under way; passes wait for it.
    ///
    /// A launch that names a task to depend on either comes before the purge, which keeps that task then, or is refused.
    async fn purge(&self, portion: &Purge) -> Result<Purged, StoreError>;
}

/// A portion of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Only what ended before this moment, as the store's clock has it.
    pub ended_before: Timestamp,
    /// Where the portion before has ended, [`Purged::next`]; `None` for the first.
    pub after: Option<PurgeMark>,
    /// How many tasks to judge at most. A family of which one is judged is removed whole, so more may be removed.
    pub limit: usize,
    /// Removes nothing, and counts as if it did.
    pub dry_run: bool,
}

impl Purge {
    /// So many tasks are a moment's work, for which a pass may have to wait: what is judged at once unless there is a reason to judge
    /// fewer.
    pub const PORTION: usize = 1_000;

    /// The first portion, of at most so many tasks.
    #[must_use]
    pub const fn of(ended_before: Timestamp, limit: usize) -> Self {
        Self { ended_before, after: None, limit, dry_run: false }
    }
}

/// A place in the order of a purge: behind the task that ended then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PurgeMark {
    /// When it ended.
    pub finished: Timestamp,
    /// The task.
    pub task: TaskId,
}

/// What a portion did, or would do. Each task that is old enough is counted in one portion of a purge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many tasks were removed.
    pub removed: u64,
    /// How many are kept although they are old enough, and why.
    pub kept: BTreeMap<Kept, u64>,
    /// Where the next portion begins; `None` when there is none.
    pub next: Option<PurgeMark>,
}

impl Purged {
    /// Counts one more that is kept.
    pub fn keep(&mut self, why: Kept) {
        let count = self.kept.entry(why).or_default();
        *count = count.saturating_add(1);
    }

    /// Adds the counts of another portion, and goes on where it ended.
    pub fn add(&mut self, other: &Self) {
        self.removed = self.removed.saturating_add(other.removed);
        for (&why, count) in &other.kept {
            let sum = self.kept.entry(why).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.next = other.next;
    }

    /// How many are kept although they are old enough.
    #[must_use]
    pub fn kept_in_all(&self) -> u64 {
        self.kept.values().sum()
    }
}

/// Why a task is kept although it is old enough. Of several reasons the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// A task that has not ended, or is being launched, depends on it.
    Dependency,
    /// It is the last update of its project or inventory source, by which passes know whether another is needed (R4.2).
    LastUpdate,
    /// The outbox holds a message for it.
    Unsent,
    /// It belongs to a workflow of which something has not ended, ended later, or is kept.
    Workflow,
}

impl Kept {
    /// Every reason, in their order.
    pub const ALL: [Self; 4] = [Self::Dependency, Self::LastUpdate, Self::Unsent, Self::Workflow];

    /// The stable name.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Dependency => "dependency",
            Self::LastUpdate => "last_update",
            Self::Unsent => "unsent",
            Self::Workflow => "workflow",
        }
    }
}

/// What is removed together: a workflow job with all that it and what is nested in it started, or a task by itself.
///
/// The stores find out who belongs together and what keeps whom; whether all of it goes is decided here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    members: BTreeSet<TaskId>,
    kept: BTreeMap<TaskId, Kept>,
    stays: bool,
}

impl Family {
    /// Adds one that is old enough, with what keeps it if anything does.
    pub fn add(&mut self, member: TaskId, kept: Option<Kept>) {
        self.members.insert(member);
        if let Some(why) = kept {
            self.kept.insert(member, why);
            self.stays = true;
        }
    }

    /// Adds one that has not ended or ended too late, so that the others stay with it.
    pub const fn add_young(&mut self) {
        self.stays = true;
    }

    /// Why this member stays; `None` when it goes, and all others with it.
    #[must_use]
    pub fn verdict(&self, member: TaskId) -> Option<Kept> {
        self.stays.then(|| self.kept.get(&member).copied().unwrap_or(Kept::Workflow))
    }

    /// All of it, if all of it goes.
    pub fn removable(&self) -> impl Iterator<Item = TaskId> {
        self.members.iter().copied().filter(|_| !self.stays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_goes_whole_or_stays_whole() {
        let [first, second] = [TaskId::new(1), TaskId::new(2)];
        let mut family = Family::default();
        family.add(first, None);
        family.add(second, None);
        assert_eq!((family.verdict(first), family.removable().count()), (None, 2));
        let mut needed = family.clone();
        needed.add(second, Some(Kept::Dependency));
        assert_eq!(
            (needed.verdict(first), needed.verdict(second)),
            (Some(Kept::Workflow), Some(Kept::Dependency))
        );
        assert_eq!(needed.removable().count(), 0);
        family.add_young();
        assert_eq!((family.verdict(first), family.removable().count()), (Some(Kept::Workflow), 0));
    }

    #[test]
    fn portions_add_up() {
        let mark = PurgeMark { finished: Timestamp::UNIX_EPOCH, task: TaskId::new(7) };
        let mut sum = Purged { removed: 2, next: Some(mark), ..Purged::default() };
        let mut last = Purged { removed: 1, ..Purged::default() };
        last.keep(Kept::Unsent);
        last.keep(Kept::Unsent);
        sum.add(&last);
        assert_eq!((sum.removed, sum.kept_in_all(), sum.next), (3, 2, None));
    }

    #[test]
    fn the_token_of_a_reason_is_what_json_calls_it() {
        for why in Kept::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.token());
        }
    }
}
