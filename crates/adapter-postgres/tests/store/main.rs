//! The store on a real PostgreSQL: what the conformance suite does not ask, since only a database has it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where something is not as it should be"
)]

mod base;
mod bounds;
mod commit;
mod faults;
mod hostile;
mod kept;
mod launch;
mod migrations;
mod patience;
mod quiet;
mod retention;
mod rights;
mod takers;
#[cfg(feature = "tls")]
mod tls;
