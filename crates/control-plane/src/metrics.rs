//! The metrics of a control plane: their names, and the one place that records them.
//!
//! Through the facade of the `metrics` crate: the program chooses the exporter, and without one recording costs a few
//! nanoseconds. All names begin with [`PREFIX`]. Labels are words of a fixed set or names of groups, never ids, so that
//! their number stays bounded. [`describe`] tells the exporter what each is.

use std::collections::BTreeSet;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use scheduler_core::{Action, End, Plan, Timestamp};

use crate::ports::{Claimed, Committed, Publication, Reported, Statistics, Verdict};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What every name begins with.
        pub const PREFIX: &str = "scheduling_";
        $($(#[$doc])* pub const $name: &str = concat!("scheduling_", $text);)*
    };
}

names! {
    /// Passes, by `result`: `ran`, `busy`, `stale`, `error`.
    PASSES = "passes_total";
    /// How long a phase of a pass took, by `phase`: `read`, `plan`, `audit`, `commit`.
    PASS_DURATION = "pass_duration_seconds";
    /// When this node last made a pass, in seconds since 1970.
    LAST_PASS = "last_pass_timestamp_seconds";
    /// Rules that plans broke, each found before anything was written.
    VIOLATIONS = "plan_violations_total";
    /// Tasks that passes started.
    STARTS = "starts_total";
    /// Starts that were left out because their rows changed meanwhile.
    SKIPPED = "starts_skipped_total";
    /// Tasks that passes ended, by `cause`.
    ENDS = "ends_total";
    /// Tasks of nodes that were lost, by `cause`: `failed` while running, `taken_back` or `redispatched` while waiting.
    REAPS = "reaps_total";
    /// Tasks that passes created, by `kind`.
    CREATED = "created_total";
    /// Unfinished tasks, by `status`.
    TASKS = "tasks";
    /// Held tasks, by the token of the `reason`.
    PENDING = "tasks_pending";
    /// From the commit of a dispatch to its claim.
    DISPATCH_LATENCY = "dispatch_latency_seconds";
    /// Messages in the outbox.
    OUTBOX = "outbox_messages";
    /// The age of the oldest of them.
    OUTBOX_AGE = "outbox_oldest_age_seconds";
    /// What the enabled instances of a `group` have, in forks.
    GROUP_CAPACITY = "group_capacity_forks";
    /// What tasks that came by a `group` cost, in forks.
    GROUP_USED = "group_used_forks";
    /// Messages given to the broker, by `result`: `confirmed`, `unroutable`, `refused`, `failed`.
    PUBLISHES = "publishes_total";
    /// Claims, by `result`: `run`, `void`.
    CLAIMS = "claims_total";
    /// Reports that the store answered, by `result`: an outcome, `handed_back`, or `void`; and `refused` for each time that it refused one.
    REPORTS = "reports_total";
    /// Tasks that were handed back because the machine had no room to start their commands.
    NO_ROOM = "starts_without_room_total";
    /// Workers of this node.
    POOL_SIZE = "pool_workers";
    /// Those of them that are busy.
    POOL_BUSY = "pool_workers_busy";
    /// Loops of this node that ended though they should not, by `loop`, and were started again.
    RESTARTS = "loop_restarts_total";
}

/// Tells the installed recorder what each metric is. Call it once, after installing one.
pub fn describe() {
    describe_counter!(PASSES, "Passes by result");
    describe_histogram!(PASS_DURATION, Unit::Seconds, "Duration of a phase of a pass");
    describe_gauge!(LAST_PASS, Unit::Seconds, "When this node last made a pass, since 1970");
    describe_counter!(VIOLATIONS, "Rules that plans broke, found before anything was written");
    describe_counter!(STARTS, "Tasks that passes started");
    describe_counter!(SKIPPED, "Starts left out because their rows changed meanwhile");
    describe_counter!(ENDS, "Tasks that passes ended, by cause");
    describe_counter!(REAPS, "Tasks of lost nodes and lost dispatches, by what became of them");
    describe_counter!(CREATED, "Tasks that passes created, by kind");
    describe_gauge!(TASKS, "Unfinished tasks by status");
    describe_gauge!(PENDING, "Held tasks by reason");
    describe_histogram!(DISPATCH_LATENCY, Unit::Seconds, "From the commit of a dispatch to its claim");
    describe_gauge!(OUTBOX, "Unsent messages");
    describe_gauge!(OUTBOX_AGE, Unit::Seconds, "Age of the oldest unsent message");
    describe_gauge!(GROUP_CAPACITY, "Capacity of a group in forks");
    describe_gauge!(GROUP_USED, "Forks in use by tasks that came by a group");
    describe_counter!(PUBLISHES, "Messages given to the broker, by result");
    describe_counter!(CLAIMS, "Claims by result");
    describe_counter!(REPORTS, "Reports by result");
    describe_counter!(NO_ROOM, "Tasks handed back because the machine had no room to start their commands");
    describe_gauge!(POOL_SIZE, "Workers of this node");
    describe_gauge!(POOL_BUSY, "Busy workers of this node");
    describe_counter!(RESTARTS, "Loops that were started again");
}

/// How a pass ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PassResult {
    Ran,
    Busy,
    Stale,
    Error,
}

pub(crate) fn pass(result: PassResult) {
    let result = match result {
        PassResult::Ran => "ran",
        PassResult::Busy => "busy",
        PassResult::Stale => "stale",
        PassResult::Error => "error",
    };
    counter!(PASSES, "result" => result).increment(1);
}

/// A part of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Read,
    Plan,
    Audit,
    Commit,
}

pub(crate) fn phase(phase: Phase, took: Duration) {
    let phase = match phase {
        Phase::Read => "read",
        Phase::Plan => "plan",
        Phase::Audit => "audit",
        Phase::Commit => "commit",
    };
    histogram!(PASS_DURATION, "phase" => phase).record(took);
}

pub(crate) fn violations(count: usize) {
    counter!(VIOLATIONS).increment(count as u64);
}

/// A plan for this moment is written.
pub(crate) fn committed(now: Timestamp, plan: &Plan, committed: &Committed) {
    pass(PassResult::Ran);
    gauge!(LAST_PASS).set(u32::try_from(now.timestamp()).unwrap_or_default());
    counter!(SKIPPED).increment(committed.skipped.len() as u64);
    for decision in committed.decided(plan) {
        if decision.action.start().is_some() {
            counter!(STARTS).increment(1);
        }
        if let Some(end) = decision.action.end() {
            counter!(ENDS, "cause" => cause(end)).increment(1);
        }
        let reaped = match &decision.action {
            Action::End(End::InstanceLost { .. }) => "failed",
            Action::TakeBack(_) => "taken_back",
            Action::Redispatch(_) => "redispatched",
            _ => continue,
        };
        counter!(REAPS, "cause" => reaped).increment(1);
    }
    for (create, created) in plan.creates.iter().zip(&committed.created) {
        if created.is_some() {
            counter!(CREATED, "kind" => create.work.kind().token()).increment(1);
        }
    }
}

/// The stable name of a cause.
const fn cause(end: &End) -> &'static str {
    match end {
        End::InstanceLost { .. } => "instance_lost",
        End::DependencyFailed { .. } => "dependency_failed",
        End::DependencyCanceled { .. } => "dependency_canceled",
        End::ApprovalExpired { .. } => "approval_expired",
        End::WorkflowFailed { .. } => "workflow_failed",
        End::WorkflowSuccessful => "workflow_successful",
        End::WorkflowCanceled => "workflow_canceled",
        End::CancelRequested => "cancel_requested",
        End::CanceledWithWorkflow { .. } => "canceled_with_workflow",
    }
}

pub(crate) fn published(publication: Publication) {
    let result = match publication {
        Publication::Confirmed => "confirmed",
        Publication::Unroutable => "unroutable",
        Publication::Refused => "refused",
    };
    counter!(PUBLISHES, "result" => result).increment(1);
}

pub(crate) fn publish_failed(count: usize) {
    counter!(PUBLISHES, "result" => "failed").increment(count as u64);
}

pub(crate) fn claimed(claimed: &Claimed) {
    let result = match claimed {
        Claimed::Run(_) => "run",
        Claimed::Void => "void",
    };
    counter!(CLAIMS, "result" => result).increment(1);
}

pub(crate) fn waited(waited: Duration) {
    histogram!(DISPATCH_LATENCY).record(waited);
}

pub(crate) fn reported(verdict: &Verdict, answer: Reported) {
    let result = match (answer, verdict) {
        (Reported::Void, _) => "void",
        (Reported::Written, Verdict::HandedBack) => "handed_back",
        (Reported::Written, Verdict::Ended(ended)) => ended.outcome.token(),
    };
    counter!(REPORTS, "result" => result).increment(1);
}

pub(crate) fn report_refused() {
    counter!(REPORTS, "result" => "refused").increment(1);
}

pub(crate) fn no_room() {
    counter!(NO_ROOM).increment(1);
}

pub(crate) fn pool(workers: u32, busy: u32) {
    gauge!(POOL_SIZE).set(workers);
    gauge!(POOL_BUSY).set(busy);
}

pub(crate) fn restarted(name: &'static str) {
    counter!(RESTARTS, "loop" => name).increment(1);
}

/// The gauges that come from the counts of a store. Remembers which labels it has set, to set those to 0 that are gone.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    reasons: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Gauges {
    pub(crate) fn set(&mut self, statistics: &Statistics) {
        for status in crate::ports::TaskStatus::ALL.into_iter().filter(|status| !status.is_finished()) {
            gauge!(TASKS, "status" => status.token())
                .set(number(statistics.tasks.get(&status).copied().unwrap_or_default()));
        }
        self.reasons.extend(statistics.holds.keys().cloned());
        for reason in &self.reasons {
            let held = statistics.holds.get(reason).copied().unwrap_or_default();
            gauge!(PENDING, "reason" => reason.clone()).set(number(held));
        }
        gauge!(OUTBOX).set(number(statistics.outbox));
        let age = statistics
            .outbox_oldest
            .map_or(0.0, |oldest| (statistics.now - oldest).to_std().unwrap_or_default().as_secs_f64());
        gauge!(OUTBOX_AGE).set(age);
        self.groups.extend(statistics.groups.keys().cloned());
        for group in &self.groups {
            let (capacity, used) = statistics.groups.get(group).copied().unwrap_or_default();
            gauge!(GROUP_CAPACITY, "group" => group.clone()).set(capacity.get());
            gauge!(GROUP_USED, "group" => group.clone()).set(used.get());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tasks are far below 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}
