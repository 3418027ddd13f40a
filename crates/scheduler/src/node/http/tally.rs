//! What strangers can make happen as often as they like: it is counted, and said at a pace, so that no log fills with it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::time::Instant;

/// The least time between two lines about the same thing.
const PERIOD: Duration = Duration::from_secs(10);

/// The metric that counts every one, by `why`.
const REFUSED: &str = "scheduling_http_refused_total";

/// One thing that happens.
pub(super) struct Tally {
    why: &'static str,
    unsaid: Mutex<(u64, Option<Instant>)>,
}

impl Tally {
    /// Nothing has happened yet.
    pub(super) const fn new(why: &'static str) -> Self {
        Self { why, unsaid: Mutex::new((0, None)) }
    }

    /// It happened once more. How often it did since it was last said, when it is time to say so.
    pub(super) fn once_more(&self) -> Option<u64> {
        counter!(REFUSED, "why" => self.why).increment(1);
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, last) = &mut *unsaid;
        *times = times.saturating_add(1);
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
        let tally = Tally::new("test");
        assert_eq!(tally.once_more(), Some(1));
        assert!((0..1000).all(|_| tally.once_more().is_none()));
        tokio::time::advance(PERIOD).await;
        assert_eq!(tally.once_more(), Some(1001));
    }
}
