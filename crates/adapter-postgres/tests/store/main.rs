//! The store on a real PostgreSQL: what the conformance suite does not ask, since only a database has it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where something is not as it should be"
)]

mod base;
mod bounds;
mod commit;
mod faults;
mod launch;
mod migrations;
mod retention;
