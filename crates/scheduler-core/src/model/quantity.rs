//! Quantities with their units: forks, priorities, counts and seconds.

use core::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A moment. The core never asks for the current one: it is a field of the snapshot.
pub type Timestamp = DateTime<Utc>;

macro_rules! quantities {
    ($($(#[$doc:meta])* $name:ident($number:ty): $of:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name($number);

        impl $name {
            #[doc = concat!("This number of ", $of, ".")]
            #[must_use]
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            #[doc = concat!("The number of ", $of, ".")]
            #[must_use]
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl From<$number> for $name {
            fn from(number: $number) -> Self {
                Self(number)
            }
        }
    )*};
}

quantities! {
    /// Impact and capacity, in forks (R6): what a task costs, and what an instance has.
    Forks(u32): "forks"
    /// How many tasks, for limits; 0 stands for "no limit" there (R6.2, R9).
    TaskCount(u32): "tasks"
    /// How many instances.
    InstanceCount(u32): "instances"
    /// The first criterion of R1: higher is considered first, 0 is the default.
    Priority(i32): "steps above the usual"
    /// A length of time in whole seconds.
    Seconds(u32): "seconds"
}

impl Forks {
    /// Nothing.
    pub const ZERO: Self = Self(0);

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

impl fmt::Display for Forks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "fork" } else { "forks" })
    }
}

impl fmt::Display for TaskCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "task" } else { "tasks" })
    }
}

impl Priority {
    pub(crate) const fn is_default(&self) -> bool {
        self.0 == 0
    }
}

impl Seconds {
    /// Whether more than this time has gone by from `then` to `now`: `then + self < now`, strictly (R4.2, R8). A moment
    /// too far away for the calendar has not gone by.
    #[must_use]
    pub fn elapsed_since(self, then: Timestamp, now: Timestamp) -> bool {
        then.checked_add_signed(TimeDelta::seconds(i64::from(self.0))).is_some_and(|end| end < now)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}
