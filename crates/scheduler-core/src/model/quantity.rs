//! Quantities with their units: forks, priorities, counts and seconds.

use core::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A moment. The core never asks for the current one: it is a field of the snapshot.
pub type Timestamp = DateTime<Utc>;

/// Impact and capacity, in forks (R6): what a task costs, and what an instance has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Forks(u32);

impl Forks {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many forks.
    #[must_use]
    pub const fn new(forks: u32) -> Self {
        Self(forks)
    }

    /// The number of forks.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sum, at most the largest number there is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, never below 0 (R6.1).
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<u32> for Forks {
    fn from(forks: u32) -> Self {
        Self(forks)
    }
}

impl fmt::Display for Forks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "fork" } else { "forks" })
    }
}

/// How many tasks, for limits; 0 stands for "no limit" there (R6.2, R9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TaskCount(u32);

impl TaskCount {
    /// So many tasks.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The number of tasks.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<u32> for TaskCount {
    fn from(count: u32) -> Self {
        Self(count)
    }
}

impl fmt::Display for TaskCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "task" } else { "tasks" })
    }
}

/// How many instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct InstanceCount(u32);

impl InstanceCount {
    /// So many instances.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The number of instances.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The first criterion of R1: higher is considered first, 0 is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Priority(i32);

impl Priority {
    /// This priority.
    #[must_use]
    pub const fn new(priority: i32) -> Self {
        Self(priority)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    pub(crate) const fn is_default(&self) -> bool {
        self.0 == 0
    }
}

impl From<i32> for Priority {
    fn from(priority: i32) -> Self {
        Self(priority)
    }
}

/// A length of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Seconds(u32);

impl Seconds {
    /// So many seconds.
    #[must_use]
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether more than this time has gone by from `then` to `now`: `then + self < now`, strictly (R4.2, R8). A moment
    /// too far away for the calendar has not gone by.
    #[must_use]
    pub fn elapsed_since(self, then: Timestamp, now: Timestamp) -> bool {
        then.checked_add_signed(TimeDelta::seconds(i64::from(self.0))).is_some_and(|end| end < now)
    }
}

impl From<u32> for Seconds {
    fn from(seconds: u32) -> Self {
        Self(seconds)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}
