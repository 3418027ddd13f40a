//! The suites that every implementation of a port passes, those in memory included.

pub mod broker;
pub mod store;
