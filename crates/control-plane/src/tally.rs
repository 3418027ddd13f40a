//! What strangers can make happen as often as they like: it is counted, and said at a pace, so that no log fills with it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The least time between two lines about the same thing.
const PERIOD: Duration = Duration::from_secs(10);

/// How often one thing has happened since it was last said.
#[derive(Debug, Default)]
pub struct Tally(Mutex<(u64, Option<Instant>)>);

impl Tally {
    /// Nothing has happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new((0, None)))
    }

    /// It happened so many times more. How often it did since it was last said, when it is time to say so.
    pub fn add(&self, more: u64) -> Option<u64> {
        let mut unsaid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, last) = &mut *unsaid;
        *times = times.saturating_add(more);
        if last.is_some_and(|last| last.elapsed() < PERIOD) {
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_is_said_at_once_and_the_others_together() {
        let tally = Tally::new();
        assert_eq!(tally.add(1), Some(1));
        assert!((0..1000).all(|_| tally.add(1).is_none()));
        tokio::time::advance(PERIOD).await;
        assert_eq!(tally.add(2), Some(1002));
    }
}
