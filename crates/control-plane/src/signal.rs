//! A request that is made any number of times and served once: how events wake loops (R12.2).

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes a loop. Requests that pile up while the loop is busy become one; one made before the loop waits is kept.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Notify>);

impl Signal {
    /// Asks the loop to go round once more.
    pub fn request(&self) {
        self.0.notify_one();
    }

    /// Waits for a request that was not served yet. Dropping the future loses none.
    pub async fn requested(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn r12_2_requests_that_pile_up_become_one() {
        let signal = Signal::default();
        for _ in 0..3 {
            signal.request();
        }
        signal.requested().await;
        let again = tokio::time::timeout(std::time::Duration::from_secs(1), signal.requested()).await;
        assert!(again.is_err(), "the three requests were one");
    }
}
