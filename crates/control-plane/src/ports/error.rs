//! What can go wrong behind a port. Neither type ever holds a payload, a password or a whole URL.

use std::error::Error;

/// What a store answers when it cannot do what was asked. Nothing was written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached or broke off; trying again may help.
    #[error("the store cannot be reached: {context}")]
    Unavailable {
        /// What was being done, and the remedy.
        context: String,
        /// What the driver says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Somebody else keeps a row or a lock that it needs; trying again helps once they let go. Of a batch the others may be done alone.
    #[error("{0}")]
    Kept(String),
    /// The request cannot be fulfilled as it is: an unknown name, a value out of range. Trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The store holds something that this version cannot read.
    #[error("the store holds a row that cannot be read: {0}")]
    Unreadable(String),
    /// The store's tables are of another version.
    #[error("the store is at migration {found} and this program needs {needed}: {}", remedy(*found, *needed))]
    Version {
        /// What it is at; 0 when it was never migrated.
        found: u32,
        /// What this program needs.
        needed: u32,
    },
}

const fn remedy(found: u32, needed: u32) -> &'static str {
    if found > needed { "use a newer program" } else { "run `scheduler migrate`" }
}

impl StoreError {
    /// Whether what failed together may be done in part, one by one: the cause lies in single rows, not in the way to the store.
    #[must_use]
    pub const fn is_of_single_rows(&self) -> bool {
        matches!(self, Self::Kept(_)) || !self.is_transient()
    }

    /// Whether trying again later may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Kept(_))
    }
}

/// What a broker answers when it cannot do what was asked. Messages in flight then count as not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The broker cannot be reached or the connection broke; trying again may help.
    #[error("the broker cannot be reached: {context}")]
    Unavailable {
        /// What was being done, and the remedy.
        context: String,
        /// What the driver says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The broker refused what was asked: a topology that clashes with what it has, missing permissions.
    #[error("the broker refused: {0}")]
    Refused(String),
    /// Nobody, or not everybody, answered in time.
    #[error("{answered} of {expected} answered in time")]
    NoAnswer {
        /// How many did.
        answered: usize,
        /// How many were asked.
        expected: usize,
    },
}
