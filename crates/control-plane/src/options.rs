//! Every number that the loops go by, with its default and what it trades.
//!
//! The graces after which a pass gives a node or a dispatch up are not here: they are part of the rules
//! (`heartbeat_grace`, `dispatch_grace`), so that every node goes by the same.

use std::time::Duration;

use crate::pool::PoolBounds;

/// The numbers that a node's loops go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How often a pass runs though nothing asked for it: the fail-safe of R12.2. 20 s, as AWX.
    pub period: Duration,
    /// How long a pass may be made to wait after another that took long; 1 s. Zero for never.
    pub rest_limit: Duration,
    /// How many passes one call of `schedule()` runs at most while plans ask for more; 16. What is left is asked for anew, so that
    /// a stop is heeded in between.
    pub rounds: u32,
    /// Whether each plan is audited before it is committed, and refused when it breaks a rule; off, since it costs several
    /// times what the pass costs.
    pub audit: bool,
    /// How many tasks a snapshot may have before it is planned on a thread for blocking work; 5,000, about 2 ms.
    pub inline_tasks: usize,
    /// How long to wait after "busy" when an event asked for the pass; 250 ms, doubled up to `retry_cap`. Whoever holds the lock
    /// hears of the event too, so this matters only if that node fails.
    pub busy_delay: Duration,
    /// How many messages the relay sends at a time; 1,000.
    pub relay_batch: usize,
    /// How often the relay looks into the outbox though nothing woke it; 1 s.
    pub relay_period: Duration,
    /// How many workers there are; 4 to 256. What a node runs at once is bounded by its capacity (R6); this bounds it
    /// when capacity is no measure.
    pub pool: PoolBounds,
    /// How many dispatches are claimed in one transaction at most; 500.
    pub claim_batch: usize,
    /// How many reports are written in one transaction at most; 500.
    pub report_batch: usize,
    /// How long a report waits for others to share its transaction; 2 ms.
    pub report_linger: Duration,
    /// How often a node asks whether it should stop something, though nothing woke it; 5 s.
    pub orders_period: Duration,
    /// How often a node says that it lives; 5 s. A third of the rules' `heartbeat_grace` at most, or the node does not join; where the
    /// rules change later it beats more often by itself.
    pub heartbeat: Duration,
    /// Whether a node that had no contact with the store for the rules' `heartbeat_grace` ends what it runs, since others
    /// take it for lost by then, and whether its commands are ended when it is frozen for so long; on. Off, its tasks go on beside their replacements, until the store can be asked again; but
    /// then no outage of the store ends any task.
    pub fence: bool,
    /// How long running tasks may go on after a stop was asked for; 30 s.
    pub stop_grace: Duration,
    /// How long a handler that was told to stop may take before it is cut off; 10 s. Longer than a command's grace
    /// between SIGTERM and SIGKILL.
    pub cut_off: Duration,
    /// How long a stopping node tries to write its last reports and to say goodbye after the last task has ended, and as long as
    /// `stop_grace` is not over; 10 s.
    pub flush_limit: Duration,
    /// How long a worker waits for one answer of the store; 30 s. Then it asks again, as after a broken connection.
    pub call_limit: Duration,
    /// How often the counts of the store become metrics; 10 s.
    pub statistics_period: Duration,
    /// How often a node removes what ended too long ago, if it is to
    /// ([`NodeBuilder::retaining`](crate::NodeBuilder::retaining)); 1 h.
    pub retain_period: Duration,
    /// The longest pause between two tries of anything that failed; 5 s.
    pub retry_cap: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(20),
            rest_limit: Duration::from_secs(1),
            rounds: 16,
            audit: false,
            inline_tasks: 5_000,
            busy_delay: Duration::from_millis(250),
            relay_batch: 1_000,
            relay_period: Duration::from_secs(1),
            pool: PoolBounds { least: 4, most: 256 },
            claim_batch: 500,
            report_batch: 500,
            report_linger: Duration::from_millis(2),
            orders_period: Duration::from_secs(5),
            heartbeat: Duration::from_secs(5),
            fence: true,
            stop_grace: Duration::from_secs(30),
            cut_off: Duration::from_secs(10),
            flush_limit: Duration::from_secs(10),
            call_limit: Duration::from_secs(30),
            statistics_period: Duration::from_secs(10),
            retain_period: Duration::from_secs(60 * 60),
            retry_cap: Duration::from_secs(5),
        }
    }
}
