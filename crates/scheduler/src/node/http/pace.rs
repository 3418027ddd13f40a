//! How often the store is asked on behalf of whoever looks, however many they are.

use std::time::Duration;

use tokio::time::Instant;

/// The least time between two questions, unless another is chosen.
const LEAST: Duration = Duration::from_secs(1);

/// What was asked counts for so many times as long as it took, so that looking takes a tenth of one connection at most.
const TIMES: u32 = 10;

/// When the store may be asked again. A question that is given up half-way counts too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    least: Duration,
    again: Instant,
}

impl Pace {
    /// At once.
    pub(super) fn new() -> Self {
        Self::every(LEAST)
    }

    /// At once, and with so much time between two questions at least.
    pub(super) fn every(least: Duration) -> Self {
        Self { least, again: Instant::now() }
    }

    /// When it may be.
    pub(super) const fn again(&self) -> Instant {
        self.again
    }

    /// Whether it may be now.
    pub(super) fn is_due(&self) -> bool {
        self.again <= Instant::now()
    }

    /// A question begins.
    pub(super) fn begin(&mut self) -> Instant {
        let now = Instant::now();
        self.again = now + self.least;
        now
    }

    /// The one that began then was answered.
    pub(super) fn answered(&mut self, began: Instant) {
        self.again = began + self.least.max(began.elapsed() * TIMES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_is_asked_seldom() {
        let mut pace = Pace::new();
        assert!(pace.is_due());
        let began = pace.begin();
        assert!(!pace.is_due(), "given up or not, it counts");
        tokio::time::advance(Duration::from_millis(20)).await;
        pace.answered(began);
        assert_eq!(pace.again(), began + Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        let began = pace.begin();
        tokio::time::advance(Duration::from_secs(2)).await;
        pace.answered(began);
        assert_eq!(pace.again(), began + Duration::from_secs(20));
    }
}
