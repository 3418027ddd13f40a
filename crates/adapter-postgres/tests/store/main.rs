//! The store on a real PostgreSQL: what the conformance suite does not ask, since only a database has it.

mod base;
mod commit;
mod faults;
mod launch;
mod migrations;
