//! Outcomes that the store refuses though nothing is left to leave out: kept, and tried again.
//!
//! Giving one up would leave its task `running` for ever, on a node that lives. They are tried a few at a time, each by itself, so that
//! they hold up no other, with pauses that grow while none is taken. They are small, and count as unwritten, so that their number is bounded
//! like that of all.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Done;
use crate::backoff::Backoff;

/// How many are tried at a time.
const PORTION: usize = 16;

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(30);

/// The refused outcomes of a node.
#[derive(Debug)]
pub(super) struct Refused {
    waiting: VecDeque<Done>,
    pauses: Backoff,
    due: Instant,
}

impl Default for Refused {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), pauses: Backoff::up_to(LONGEST), due: Instant::now() }
    }
}

impl Refused {
    /// Keeps one that was refused just now.
    pub(super) fn add(&mut self, done: Done) {
        if self.waiting.is_empty() {
            self.pauses.reset();
            self.due = Instant::now() + self.pauses.next();
        }
        self.waiting.push_back(done);
    }

    /// When some are to be tried again.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Those that have waited longest.
    pub(super) fn take(&mut self) -> VecDeque<Done> {
        self.waiting.drain(..PORTION.min(self.waiting.len())).collect()
    }

    /// These were tried, and are still not taken; whether others that were tried with them are.
    pub(super) fn put_back(&mut self, mut tried: VecDeque<Done>, taken: bool) {
        self.waiting.append(&mut tried);
        if taken {
            self.pauses.reset();
        }
        self.due = Instant::now() + self.pauses.next();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Done> + Clone {
        self.waiting.iter()
    }
}
