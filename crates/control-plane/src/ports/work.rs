//! The store as a worker sees it: claim, report, orders.
//!
//! The fence is the dispatch: a row moves `waiting → running → finished` only under the dispatch that it carries, so a message
//! that comes twice, late, or after a reap finds nothing to take (R12.4), and neither does a report.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use scheduler_core::{DispatchId, Kind, Outcome, TaskId};

use super::{Membership, StoreError};
use crate::definition::Run;

/// Gives work out and takes results back.
#[async_trait]
pub trait Work: fmt::Debug + Send + Sync {
    /// Moves each of these tasks `waiting → running` if it still waits under this dispatch for this node, in one transaction. The
    /// answers stand in the order of the questions. One that was asked to cancel is canceled instead and answered
    /// [`Claimed::Void`].
    ///
    /// Only whom the placement names may take a task: the instance that is to run it, else (a container group) the one that
    /// controls it; a task that nobody runs or controls (the shared queue) is controlled by its taker from now on. So a task
    /// is always lost with whoever took it (R8.1), whichever queue its message came by.
    ///
    /// A claim may be repeated, since its answer may have been lost: a task that already runs under this dispatch, taken by
    /// this same life of this same node, is answered [`Claimed::Run`] again (the worker knows what it runs already). An earlier
    /// life takes nothing and is told that it is no member any more ([`Claims::Replaced`]).
    async fn claim(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Result<Claims, StoreError>;

    /// Records what became of running tasks, in one transaction, and wakes the schedulers. A report whose task does not run
    /// under its dispatch any more is [`Reported::Void`] and changes nothing, so a report may be repeated.
    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, StoreError>;

    /// Of these running tasks, those that should stop, and why.
    async fn orders(&self, running: &[(TaskId, DispatchId)]) -> Result<Vec<(TaskId, Order)>, StoreError>;
}

/// The answer to a request to claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claims {
    /// What each question is answered, in their order.
    Answered(Vec<Claimed>),
    /// Another process has joined under this name since, or the instance was removed. Nothing is this one's to run: what it had
    /// taken has failed, and messages that it has in hand are for its successor, so it gives them back and stops.
    Replaced,
}

impl Claims {
    /// The answers, if the one who asked is a member.
    #[must_use]
    pub fn answered(self) -> Option<Vec<Claimed>> {
        match self {
            Self::Answered(answers) => Some(answers),
            Self::Replaced => None,
        }
    }
}

/// The answer to one claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// It is yours: run it.
    Run(Box<Assignment>),
    /// There is nothing for you to take under this dispatch: taken before, taken back, reaped, canceled, or meant for another
    /// node. Forget the message.
    Void,
}

/// A task to run.
#[derive(Clone, PartialEq)]
pub struct Assignment {
    /// The task.
    pub task: TaskId,
    /// The fence under which it was claimed.
    pub dispatch: DispatchId,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What to run. Kept out of messages and out of `Debug`, since payloads may hold secrets.
    pub run: Run,
    /// Which slice it is, of a job that was cut into several.
    pub slice: Option<Slice>,
    /// How long it waited for its taker since it was dispatched, by the store's clock.
    pub waited: Duration,
}

/// One of the equal parts that a job was cut into; which part of the work that is, is for what runs it to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which, from 1.
    pub number: SliceNumber,
    /// How many there are.
    pub of: SliceNumber,
}

/// A number of slices, or the number of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceNumber(pub u32);

impl fmt::Display for SliceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment")
            .field("task", &self.task)
            .field("dispatch", &self.dispatch)
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("handler", &self.run.handler)
            .field("waited", &self.waited)
            .finish_non_exhaustive()
    }
}

/// What became of a running task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The task.
    pub task: TaskId,
    /// The fence under which it ran.
    pub dispatch: DispatchId,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a running task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ended.
    Ended(Ended),
    /// Its node stops and its handler may be run again from the start: `pending` once more, its dispatch void.
    HandedBack,
}

/// How a task ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Ended {
    /// The status that it ends with.
    pub outcome: Outcome,
    /// Why, in a sentence for people; empty when the outcome says it all. A node reports it [`bounded`](Self::bounded).
    pub explanation: String,
    /// What it printed.
    pub output: Option<Output>,
}

impl Ended {
    /// This outcome, and nothing to add.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        Self { outcome, explanation: String::new(), output: None }
    }

    /// This outcome, and why.
    #[must_use]
    pub fn because(outcome: Outcome, explanation: impl Into<String>) -> Self {
        Self { outcome, explanation: explanation.into(), output: None }
    }

    /// As long is a [`bounded`](Self::bounded) explanation at most, in bytes, beside the words that say how much was left out:
    /// lists show many of them at once.
    pub const EXPLANATION: usize = 2_000;

    /// The same with an explanation that is not too long. Its middle is left out: it begins with what was tried, and ends with
    /// how that failed.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let (length, half) = (self.explanation.len(), Self::EXPLANATION / 2);
        if length <= Self::EXPLANATION {
            return self;
        }
        let boundary = |at: &usize| self.explanation.is_char_boundary(*at);
        let head = (0..=half).rev().find(boundary).unwrap_or(0);
        let tail = (length - half..length).find(boundary).unwrap_or(length);
        let ends = (self.explanation.get(..head), self.explanation.get(tail..));
        if let (Some(begin), Some(end)) = ends {
            self.explanation = format!("{begin} … ({} bytes left out) … {end}", tail - head);
        }
        self
    }
}

/// Without the output, which may hold secrets.
impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("outcome", &self.outcome)
            .field("explanation", &self.explanation)
            .finish_non_exhaustive()
    }
}

/// What a task printed, up to a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The text; bytes that are no text are replaced.
    pub text: String,
    /// Whether there was more than the limit.
    pub truncated: bool,
}

/// The answer to one report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is written.
    Written,
    /// The task does not run under this dispatch any more; what was reported is void.
    Void,
}

/// Why a running task should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Somebody asked to cancel it: stop it and report `canceled`.
    Cancel,
    /// It is not running under this dispatch any more, for example because it was reaped while its node was frozen: stop it and report nothing.
    Abandon,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_are_bounded_and_keep_their_begin_and_their_end() {
        let said = |explanation: String| Ended::because(Outcome::Error, explanation).bounded().explanation;
        let short = "x".repeat(Ended::EXPLANATION);
        assert_eq!(said(short.clone()), short);
        let long = said(format!("could not run \"/{}\": File name too long", "ä".repeat(500_000)));
        assert!(long.len() < Ended::EXPLANATION + 50, "{} bytes", long.len());
        assert!(
            long.starts_with("could not run \"/ä") && long.ends_with("ä\": File name too long"),
            "{long}"
        );
        assert!(long.contains("bytes left out"), "{long}");
    }
}
