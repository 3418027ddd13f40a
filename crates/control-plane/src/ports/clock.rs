//! The time, as a port: a store in memory and the simulation of faults need one that tests can turn.
//!
//! A store with a clock of its own (a database) uses that one instead, so that the clocks of nodes need not agree.

use std::fmt;

use chrono::{TimeZone, Utc};
use scheduler_core::Timestamp;

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current moment.
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        Utc.timestamp_opt(seconds, since.subsec_nanos()).single().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
