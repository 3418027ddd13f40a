//! Whose turn it is: the locks of a schema, as rows and a table that nobody can lock without the right to write there.
//!
//! Each dies with the transaction that has it. Advisory locks would cost less, but anybody who can connect may take them: one
//! stranger would stop all starts without a right on anything.

/// A pass takes its turn, if nobody has it: a row comes back then. A portion of a purge is waited for first, since what it removes must
/// not be read.
pub(crate) const PASS: &str = "
    WITH pass AS MATERIALIZED (SELECT what FROM {schema}.turn WHERE what = 'pass' FOR UPDATE SKIP LOCKED)
    SELECT past.what FROM pass CROSS JOIN {schema}.turn past WHERE past.what = 'past' FOR UPDATE OF past";

/// A portion of a purge, which no pass may read beside, since it may link tasks to finished ones.
pub(crate) const PAST: &str = "SELECT FROM {schema}.turn WHERE what = 'past' FOR UPDATE";

/// A change of definitions.
pub(crate) const DEFINITIONS: &str = "SELECT FROM {schema}.turn WHERE what = 'definitions' FOR UPDATE";

/// A cancel, beside others: it changes rows that are pending, as a commit does.
pub(crate) const PENDING_SHARED: &str = "LOCK TABLE {schema}.turn_of_pending IN SHARE MODE";

/// A commit, beside no cancel.
pub(crate) const PENDING_ALONE: &str = "LOCK TABLE {schema}.turn_of_pending IN EXCLUSIVE MODE";
