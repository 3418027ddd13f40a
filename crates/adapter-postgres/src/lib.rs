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
//! - *The lock* is a row that a pass locks in the transaction that also writes the plan: it dies with that transaction,
//!   whatever happens to its holder, needs no session of its own behind a pooler, and nobody can take it who may not write the tables.
//! - *The snapshot* is read on a second connection in one `REPEATABLE READ` transaction begun after the lock was taken, so it
//!   is consistent and newer than any earlier pass; the writes stay `READ COMMITTED`, so that a row that changed
//!   meanwhile fails its guard and is left out instead of aborting the plan.
//! - *Order of locks*: every statement locks tasks in the order of their ids, so that passes, claims and reports never
//!   wait for each other in a circle.
//! - *Purges* remove finished rows in portions, under a lock that passes share; a launch locks the rows that it names to depend on.
//! - *Time-outs*: every transaction, statement and wait for a lock has a limit that the database keeps ([`PostgresConfig`] lists them), so
//!   that a client that freezes, or a row that somebody keeps, holds nobody for longer.
//! - *The search path* is fixed, in sessions and in the functions: what others put into `public` is never called.
//! - *The clock* is the database's.
//!
//! Behind PgBouncer in transaction mode: prepared statements need its `max_prepared_statements`, and wake-ups a direct
//! connection ([`PostgresConfig::listen_url`]); without one everything still works, at the pace of the periodic rounds. Statements
//! outside a transaction have their limits from the connection, which a pooler does not pass on: give them to the role there, by
//! `ALTER ROLE … SET statement_timeout = '30s'`, and so on for `lock_timeout` and `search_path = pg_catalog, pg_temp`.
//!
//! Any client of the database launches by the function `launch`, in its own transaction and with its own rights on the tables; a role
//! without any by `submit`, once that is granted to it.
//!
//! Statements stand next to the code that runs them, with `{schema}` for the schema's quoted name; values are always
//! parameters.

mod admin;
mod config;
mod connector;
mod error;
mod flaw;
mod limits;
mod membership;
mod migrate;
mod migration;
mod outbox;
mod pass;
mod pool;
mod retention;
mod row;
mod secrecy;
mod session;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod turn;
mod version;
mod wake;
mod work;

pub use config::PostgresConfig;
pub use migration::Migration;
pub use store::PostgresStore;
