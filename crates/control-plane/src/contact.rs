//! How long a node has been in contact with the store, by its own heartbeats.
//!
//! Two decisions rest on it. A node whose contact is fresh reaps nobody for silence: after the store was away every heartbeat
//! is old, and whoever comes back first would fail what healthy nodes run (R8.1). And a node without contact for the rules'
//! grace knows that its own tasks are failed by now, and ends them. All moments are those at which a heartbeat that was
//! accepted was *sent*, so that the node counts at least as long as the store does. What others' heartbeats say is the
//! snapshot's business, not this module's. Costs a lock a heartbeat and a pass.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::watched::Watched;

/// A node's contact with the store.
#[derive(Debug)]
pub(crate) struct Contact {
    known: Watched<Known>,
    period: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// When the last heartbeat that was accepted was sent.
    heard: Instant,
    /// Since when none was missing for longer than two periods.
    since: Instant,
    /// After how long a silence the node's tasks are failed; `None` until it is known.
    grace: Option<Duration>,
}

impl Contact {
    /// The node has just joined, and beats with this period.
    pub(crate) fn begin(period: Duration) -> Self {
        let now = Instant::now();
        Self { known: Watched::new(Known { heard: now, since: now, grace: None }), period }
    }

    /// A heartbeat that was sent then was accepted.
    pub(crate) fn heard(&self, sent: Instant) {
        let gap = self.patience();
        self.known.modify(|known| {
            if sent.duration_since(known.heard) > gap {
                known.since = Instant::now();
            }
            known.heard = known.heard.max(sent);
        });
    }

    /// The rules' grace.
    pub(crate) fn learn(&self, grace: Duration) {
        self.known.modify(|known| known.grace = Some(grace));
    }

    /// Whether the node has been heard for two periods without a gap, so that every node that lives was heard too.
    pub(crate) fn is_settled(&self) -> bool {
        let known = self.known.get();
        known.heard.elapsed() <= self.patience() && known.since.elapsed() >= self.patience()
    }

    /// Waits until the node was silent for the grace.
    pub(crate) async fn lost(&self) {
        loop {
            let known = self.known.get();
            let end = known.grace.and_then(|grace| known.heard.checked_add(grace));
            if end.is_some_and(|end| end <= Instant::now()) {
                return;
            }
            let silence = async {
                match end {
                    Some(end) => sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.known.wait_for(|other| *other != known) => {}
                () = silence => {}
            }
        }
    }

    fn patience(&self) -> Duration {
        self.period.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const PERIOD: Duration = Duration::from_secs(5);

    async fn beat_for(contact: &Contact, beats: u32) {
        for _ in 0..beats {
            sleep(PERIOD).await;
            contact.heard(Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn contact_is_settled_after_two_periods_without_a_gap() {
        let contact = Contact::begin(PERIOD);
        assert!(!contact.is_settled());
        beat_for(&contact, 2).await;
        assert!(contact.is_settled());
        sleep(PERIOD * 3).await;
        assert!(!contact.is_settled(), "nothing was accepted for long");
        contact.heard(Instant::now());
        assert!(!contact.is_settled(), "it is only just back");
        beat_for(&contact, 2).await;
        assert!(contact.is_settled());
    }

    #[tokio::test(start_paused = true)]
    async fn r8_1_a_node_is_lost_after_the_grace_since_its_last_heartbeat_was_sent() {
        let contact = Contact::begin(PERIOD);
        assert!(timeout(PERIOD * 100, contact.lost()).await.is_err(), "no grace is known");
        contact.learn(PERIOD * 6);
        contact.heard(Instant::now());
        assert!(timeout(PERIOD * 5, contact.lost()).await.is_err());
        contact.heard(Instant::now());
        assert!(timeout(PERIOD * 5, contact.lost()).await.is_err(), "the heartbeat counts");
        contact.lost().await;
    }
}
