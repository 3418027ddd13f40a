//! What the database grants a transaction before it ends it, and what every connection is told when it is made.
//!
//! Whoever holds a lock may freeze, be stopped in a terminal, or be cut off: others then wait for no longer than these limits. They are
//! said twice: to a new connection, for statements outside a transaction, and again by each transaction, since a pooler may
//! hand it a connection of the server that was told nothing.
//!
//! The search path is fixed in the same places: a function of the same name that somebody else put into `public` is never called.

use std::time::Duration;

use crate::config::PostgresConfig;

/// How much longer than the database may take an answer is waited for: a server that is frozen says nothing at all.
const GRACE_OF_ANSWERS: Duration = Duration::from_secs(5);

/// For how long whoever has a lock that passes or cancels need waits for one row: a worker needs a moment with it, and nobody
/// may hold up the starts of others for longer.
pub(crate) const FOR_A_ROW: Duration = Duration::from_secs(1);

/// For how long a call may stand still on its way; zero is without a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// A transaction between two statements.
    pub(crate) idle: Duration,
    /// One statement, with all that it waits for.
    pub(crate) statement: Duration,
    /// One statement for one row or lock of somebody else.
    pub(crate) lock: Duration,
}

/// Whom words about limits are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that a connection does.
    Connection,
    /// The transaction that has just begun.
    Transaction,
}

impl Limits {
    /// Those of most calls.
    pub(crate) const fn of(config: &PostgresConfig) -> Self {
        Self { idle: config.idle_timeout, statement: config.statement_timeout, lock: config.lock_timeout }
    }

    /// For how long an answer is waited for, if not for ever.
    pub(crate) fn answer(self) -> Option<Duration> {
        (!self.statement.is_zero()).then(|| self.statement.saturating_add(GRACE_OF_ANSWERS))
    }

    /// The statements that set them.
    pub(crate) fn words(self, scope: Scope) -> String {
        let set = match scope {
            Scope::Connection => "SET",
            Scope::Transaction => "SET LOCAL",
        };
        format!(
            "{set} search_path = pg_catalog, pg_temp; {set} idle_in_transaction_session_timeout = {}; \
             {set} statement_timeout = {}; {set} lock_timeout = {}",
            millis(self.idle),
            millis(self.statement),
            millis(self.lock)
        )
    }
}

/// In PostgreSQL's unit, where 0 is without a limit: a limit below one is one, and one beyond what it keeps is the longest.
pub(crate) fn millis(limit: Duration) -> i32 {
    if limit.is_zero() { 0 } else { i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_none_by_rounding() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_micros(1)), 1);
        assert_eq!(millis(Duration::from_secs(30)), 30_000);
        assert_eq!(millis(Duration::MAX), i32::MAX);
    }
}
