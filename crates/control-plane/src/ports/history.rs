//! What happened: tasks that were there within a span of time, with what each waited for, one stretch after the other.
//!
//! A stretch of waiting begins when a pass stores a reason and ends when a pass stores another or lets the task go on; what
//! happened before the first pass looked at a task, or where a pass stored only a part of very many reasons, is no stretch. The waits of a
//! task are kept as long as the task is.

use scheduler_core::{Outcome, Placement, Reason, State, Task, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use super::TaskStatus;

/// Which tasks of the past to list: those that were there at some moment of a span, page by page.
///
/// A task was there from its launch until it ended; one that is unfinished still is. Moments are the store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Not those that had ended before this moment; `None` for the very beginning.
    pub since: Option<Timestamp>,
    /// Not those that were launched at this moment or later; `None` for up to now.
    pub until: Option<Timestamp>,
    /// Only those that come after this one, the last of the page before; `None` for the first page.
    pub after: Option<TaskId>,
    /// At most so many on this page.
    pub limit: usize,
}

impl Default for HistoryFilter {
    fn default() -> Self {
        Self { since: None, until: None, after: None, limit: 1000 }
    }
}

impl HistoryFilter {
    /// The page after this one; `None` when this was not full, and so the last.
    #[must_use]
    pub fn next(&self, page: &[PastTask]) -> Option<Self> {
        let last = page.last().filter(|_| page.len() >= self.limit)?;
        Some(Self { after: Some(last.task.id), ..self.clone() })
    }

    /// Whether a task that was launched and ended then was there within the span.
    #[must_use]
    pub fn covers(&self, launched: Timestamp, finished: Option<Timestamp>) -> bool {
        self.until.is_none_or(|until| launched < until)
            && self.since.is_none_or(|since| finished.is_none_or(|finished| finished >= since))
    }
}

/// A task with its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTask {
    /// Its row, as a snapshot would show it.
    pub task: Task,
    /// When it was sent to its place; `None` for one that never was, and for workflow jobs and approvals, which go nowhere.
    pub dispatched: Option<Timestamp>,
    /// When it was taken up.
    pub started: Option<Timestamp>,
    /// Where it runs or ran; empty for one that has no place.
    pub placement: Placement,
    /// Why it ended so; empty when the outcome says it all.
    pub explanation: String,
    /// The workflow job whose node it is the job of.
    pub workflow: Option<TaskId>,
    /// What it waited for, one after the other; the last may go on still.
    pub waits: Vec<PastWait>,
}

impl PastTask {
    /// When it ended.
    #[must_use]
    pub const fn finished(&self) -> Option<Timestamp> {
        match self.task.state {
            State::Finished { at, .. } => at,
            State::Pending | State::Waiting(_) | State::Running(_) => None,
        }
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        match self.task.state {
            State::Finished { outcome, .. } => Some(outcome),
            State::Pending | State::Waiting(_) | State::Running(_) => None,
        }
    }

    /// How far it has come.
    #[must_use]
    pub const fn status(&self) -> TaskStatus {
        TaskStatus::of(&self.task.state)
    }
}

/// A stretch of waiting for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastWait {
    /// For what, as it was when the stretch began: it is one while the task waits for the same ([`Reason::wait_key`]), whoever has it.
    pub reason: Reason,
    /// From when.
    pub since: Timestamp,
    /// Until when; `None` while it goes on.
    pub until: Option<Timestamp>,
}
