//! Waiting longer after each failure in a row, up to a cap.
//!
//! Without jitter: nodes start and fail at different moments anyway, and the simulation of faults must be repeatable.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);

/// The pauses of one loop.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// Pauses from 50 ms up to this.
    pub(crate) fn up_to(cap: Duration) -> Self {
        Self { next: FIRST.min(cap), cap }
    }

    /// The next pause; the one after it is twice as long.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.cap);
        pause
    }

    /// Sleeps for the next pause.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// After a success: begins anew.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST.min(self.cap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::up_to(Duration::from_millis(300));
        let pauses: Vec<u128> = (0..5).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.next().as_millis(), 50);
    }
}
