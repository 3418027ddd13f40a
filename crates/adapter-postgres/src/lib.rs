#![forbid(unsafe_code)]
//! The control plane's store on PostgreSQL (15 or newer): lock, snapshot, one-transaction commit, outbox, claims, wake-ups,
//! launches and definitions, all in one schema of an existing database.
//!
//! ```no_run
//! # async fn example() -> Result<(), control_plane::ports::StoreError> {
//! use adapter_postgres::{PostgresConfig, PostgresStore};
//!
//! let store = PostgresStore::connect(PostgresConfig::new("postgres://scheduler@db.example/scheduler"))?;
//! store.migrate().await?;
//! # Ok(()) }
//! ```
//!
//! What it relies on:
//!
//! - *The lock* is `pg_try_advisory_xact_lock` in the transaction that also writes the plan: it dies with that transaction,
//!   whatever happens to its holder, and needs no session of its own behind a pooler.
//! - *The snapshot* is read on a second connection in one `REPEATABLE READ` transaction begun after the lock was taken, so it
//!   is consistent and newer than any earlier pass; the writes stay `READ COMMITTED`, so that a row that changed
//!   meanwhile fails its guard and is left out instead of aborting the plan.
//! - *Order of locks*: every statement locks tasks in the order of their ids, so that passes, claims and reports never
//!   wait for each other in a circle.
//! - *Purges* remove finished rows in portions, under a lock that passes share; a launch locks the rows that it names to depend on.
//! - *The clock* is the database's.
//!
//! Behind PgBouncer in transaction mode: prepared statements need its `max_prepared_statements`, and wake-ups a direct
//! connection ([`PostgresConfig::listen_url`]); without one everything still works, at the pace of the periodic rounds.
//!
//! Statements stand next to the code that runs them, with `{schema}` for the schema's quoted name; values are always
//! parameters.

mod config;
mod connector;
mod desk;
mod error;
mod membership;
mod migrate;
mod outbox;
mod pass;
mod retention;
mod row;
mod session;
mod store;
mod wake;
mod work;

pub use config::PostgresConfig;
pub use migrate::Migration;
pub use store::PostgresStore;
