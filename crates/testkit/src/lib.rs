//! What the project's own tests share: a slow model of the rules, scenarios as text files, workloads of any size, the
//! body of the fuzz target, and the suites that every implementation of a port passes.

pub mod conformance;
pub mod fuzz;
pub mod model;
pub mod scenario;
pub mod workload;

/// The README's program, so that it cannot go stale.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
