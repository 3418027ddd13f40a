//! What cannot be read in a row, said once and not with every pass.
//!
//! The tables keep most of it out. What is left, in rows older than a check or written past it, touches its own row alone (R11):
//! each reader says what it takes instead.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// So many are remembered; when there are more, all are said anew.
const REMEMBERED: usize = 1000;

/// Something in a row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flaw {
    /// Which row, such as "task 42".
    pub(crate) row: String,
    /// What about it.
    pub(crate) why: String,
    /// What is done instead.
    pub(crate) instead: &'static str,
}

/// The flaws that were said.
#[derive(Debug, Default)]
pub(crate) struct Flaws(Mutex<HashSet<Flaw>>);

impl Flaws {
    /// Says each that is new.
    pub(crate) fn say(&self, flaws: impl IntoIterator<Item = Flaw>) {
        for flaw in flaws {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() >= REMEMBERED {
                said.clear();
            }
            let Flaw { row, why, instead } = &flaw;
            if !said.contains(&flaw) {
                tracing::error!(row, why, instead, "a row cannot be read as it is");
                said.insert(flaw);
            }
        }
    }
}
