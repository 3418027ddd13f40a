//! What the project's own tests share: a slow model of the rules, scenarios as text files, workloads of any size, clusters in
//! virtual time, real servers and what can befall them, a browser to
//! drive, and the body of the fuzz target.

#[cfg(feature = "browser")]
pub mod browser;
pub mod fuzz;
pub mod model;
pub mod scenario;
#[cfg(feature = "control-plane")]
pub mod servers;
#[cfg(feature = "control-plane")]
pub mod simulation;
pub mod workload;

/// The programs of the README and of the book, so that they cannot go stale.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/embedding.md")]
    struct Embedding;
    #[doc = include_str!("../../../docs/resident.md")]
    struct Resident;
    #[doc = include_str!("../../../docs/own-rules.md")]
    struct OwnRules;
}
