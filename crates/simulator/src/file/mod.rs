//! The workload file: a cluster, templates and what is launched, as people write it, in TOML or JSON.
//!
//! Its tables are those that `scheduler apply` takes, in the types of the crate `definition`, so that one file serves both: what a
//! worker would do (`run`) is passed over here, and how long it takes (`run_time`) is drawn from. This module says what they mean
//! to a simulation; reading text is the caller's, who knows the line of what does not fit. Names are resolved to ids in the
//! order of the file, from 1.

mod build;
mod launches;
mod names;
mod nodes;

use std::ops::Deref;

use definition::Definitions;
use serde::Deserialize;

pub use definition::VERSION;

/// A workload, or a cluster alone, as it stands in a file: the same [`Definitions`] that a store takes, read for a simulation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct WorkloadFile(pub Definitions);

impl Deref for WorkloadFile {
    type Target = Definitions;

    fn deref(&self) -> &Definitions {
        &self.0
    }
}

/// One thing in a file that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The table that it stands in: `launch`, `template`, …; empty for the file as a whole.
    pub table: &'static str,
    /// Which one of that table, from 0.
    pub position: usize,
    /// What does not fit.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}
