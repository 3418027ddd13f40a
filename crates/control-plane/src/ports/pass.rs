//! The store as a pass sees it: one lock, one consistent snapshot, one transaction (R12.1, R12.3).

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use scheduler_core::{Decision, Plan, RuleSet, Snapshot, TaskId};

use super::StoreError;

/// Opens passes.
#[async_trait]
pub trait Passes: fmt::Debug + Send + Sync {
    /// Tries the one global lock without waiting. `None`: somebody else is at it ("busy"). The lock dies with the value, and with
    /// its holder, however that ends; a holder that hangs loses it after a time of the store's choice.
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError>;

    /// What a pass would read, without the lock and without a trace: for people who ask why.
    async fn read(&self) -> Result<Reading, StoreError>;
}

/// One pass, holding the lock until it is dropped or committed. Dropping it changes nothing.
#[async_trait]
pub trait Pass: Send {
    /// One consistent snapshot, newer than anything that an earlier pass committed, with the rules to go by.
    async fn read(&mut self) -> Result<Reading, StoreError>;

    /// Writes the whole plan in one transaction and gives the lock back. Each row is guarded by the state that the snapshot
    /// shows: status, dispatch, and whether a cancel was asked for. Messages to send go to the outbox in the same transaction. A row
    /// that another transaction keeps is not waited for beyond a moment: the plan is written without it.
    async fn commit(self: Box<Self>, reading: &Reading, plan: &Plan) -> Result<Commit, StoreError>;
}

/// What a pass reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Everything that a pass may know.
    pub snapshot: Snapshot,
    /// What it goes by: part of what people define, so that every node goes by the same.
    pub rules: RuleSet,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The plan is written.
    Done(Committed),
    /// A row that the plan ends or takes back changed meanwhile: nothing is written, plan anew (R12.3).
    Stale {
        /// One such row.
        task: TaskId,
    },
}

/// What a commit wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The ids of the created tasks, in the order of [`Plan::creates`]; `None` for one that was left out with what asked for it.
    pub created: Vec<Option<TaskId>>,
    /// The starts that were left out because their rows changed; new dispatches of waiting tasks too (R8.2).
    pub skipped: Vec<SkippedStart>,
    /// What the plan ends, sets back to pending or asks to cancel while somebody else's transaction keeps its row, and what rests on
    /// that: left as it was, for a later pass. None in a store whose rows nobody can keep.
    pub kept: BTreeSet<TaskId>,
    /// How many messages the outbox got.
    pub dispatched: usize,
}

impl Committed {
    /// The decisions that were written, or change no row.
    pub fn decided<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Decision> {
        let skipped: BTreeSet<TaskId> = self.skipped.iter().map(|start| start.task).collect();
        let decisions = plan.decisions.iter();
        decisions.filter(move |made| !skipped.contains(&made.task) && !self.kept.contains(&made.task))
    }
}

/// A start that was left out because its row changed since the snapshot (R12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkippedStart {
    /// The task.
    pub task: TaskId,
}
