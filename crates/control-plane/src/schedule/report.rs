//! What a call of `schedule()` did, as counts and durations.

use std::collections::BTreeMap;
use std::time::Duration;

use scheduler_core::Plan;

use crate::metrics::{self, Phase};
use crate::ports::Committed;

/// How a call of `schedule()` went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// Somebody else holds the lock; nothing was done.
    Busy,
    /// Passes were made.
    Ran(PassReport),
}

/// What the passes of one call did. Reasons are those of the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassReport {
    /// How many passes were committed.
    pub passes: usize,
    /// How many were dropped because a row changed under the plan (R12.3).
    pub stale: usize,
    /// How many tasks started.
    pub starts: usize,
    /// How many messages the outbox got.
    pub dispatched: usize,
    /// How many tasks ended.
    pub ends: usize,
    /// How many tasks were created.
    pub creates: usize,
    /// How many starts were left out because their rows changed (R12.3).
    pub skipped: usize,
    /// How many ends and requests were left out because somebody keeps a row (R12.3).
    pub kept: usize,
    /// How many tasks were held, by the token of the reason.
    pub holds: BTreeMap<&'static str, usize>,
    /// Whether another call should follow at once.
    pub more: bool,
    /// Whether a plan was withheld, because it failed tasks for the silence of nodes that may only not have been heard yet since
    /// the store was away; try again after a heartbeat.
    pub withheld: bool,
    /// How long the phases took.
    pub durations: PhaseDurations,
}

/// How long the phases of passes took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseDurations {
    /// Reading the snapshot.
    pub read: Duration,
    /// Planning.
    pub plan: Duration,
    /// Auditing, if that is on.
    pub audit: Duration,
    /// Writing.
    pub commit: Duration,
}

impl PhaseDurations {
    /// All of it.
    #[must_use]
    pub fn total(self) -> Duration {
        self.read + self.plan + self.audit + self.commit
    }

    pub(super) fn add(&mut self, phase: Phase, took: Duration) {
        let sum = match phase {
            Phase::Read => &mut self.read,
            Phase::Plan => &mut self.plan,
            Phase::Audit => &mut self.audit,
            Phase::Commit => &mut self.commit,
        };
        *sum += took;
        if phase != Phase::Audit || !took.is_zero() {
            metrics::phase(phase, took);
        }
    }
}

impl PassReport {
    /// Whether no task started, ended or was created.
    #[must_use]
    pub const fn changed_nothing(&self) -> bool {
        self.starts == 0 && self.ends == 0 && self.creates == 0 && self.dispatched == 0
    }

    pub(super) fn count(&mut self, plan: &Plan, committed: &Committed) {
        self.passes += 1;
        self.skipped += committed.skipped.len();
        self.dispatched += committed.dispatched;
        self.kept += committed.kept.len();
        for decision in committed.decided(plan) {
            self.starts += usize::from(decision.action.start().is_some());
            self.ends += usize::from(decision.action.end().is_some());
        }
        self.creates += committed.created.iter().flatten().count();
        self.holds.clear();
        for (_, reason) in plan.holds() {
            *self.holds.entry(reason.token()).or_default() += 1;
        }
    }
}
