//! What the screen shows, whatever it comes from: an overview, and what a screen adds to it.
//!
//! A source makes a view a few times a second. It knows nothing of terminals, of what is selected, sorted or filtered.

use scheduler_core::{Forks, TaskId, Timestamp};

use crate::overview::{Liveness, Overview, Row};

/// Everything that is shown of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    /// What it is about, in a few words.
    pub(super) about: String,
    pub(super) overview: Overview,
    /// Since when nothing new was heard, and why.
    pub(super) stale: Option<Stale>,
    /// Of a simulation, how far it has been played.
    pub(super) played: Option<Played>,
    /// The chain that was asked for.
    pub(super) chain: Option<Chain>,
}

/// A source that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stale {
    /// Since when, by this machine's clock.
    pub(super) since: Timestamp,
    /// For how many seconds.
    pub(super) seconds: u64,
    /// Why; never a secret.
    pub(super) why: String,
}

/// How far a simulation has been played.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Played {
    /// The time since its beginning, and all of it, in words.
    pub(super) at: String,
    pub(super) length: String,
    /// The share, from 0 to 1.
    pub(super) share: f64,
    /// How many seconds go by in one.
    pub(super) speed: f64,
    pub(super) paused: bool,
    /// Being run once more, after a cancel.
    pub(super) rerunning: bool,
}

/// The chain of waiting of one task, in the words of `scheduler explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) task: TaskId,
    pub(super) lines: Vec<String>,
}

impl View {
    /// A task that is listed.
    pub(super) fn task(&self, id: TaskId) -> Option<&Row> {
        self.overview.rows().find(|row| row.id == id)
    }

    /// What is used of all instances, and what there is.
    pub(super) fn capacity(&self) -> (Forks, Forks) {
        let nodes = self.overview.nodes.iter();
        nodes
            .filter(|node| node.state == Liveness::InUse)
            .fold((Forks::ZERO, Forks::ZERO), |(used, all), node| {
                (used.plus(node.used), all.plus(node.capacity))
            })
    }
}
