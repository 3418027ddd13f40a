//! How long a node has been in contact with the store, by its own heartbeats.
//!
//! Two decisions rest on it. A node whose contact is fresh reaps nobody for silence: after the store was away every heartbeat
//! is old, and whoever comes back first would fail what healthy nodes run (R8.1). And a node without contact for the rules'
//! grace knows that its own tasks are failed by now, and ends them. All moments are those at which a heartbeat that was
//! accepted was *sent*, so that the node counts at least as long as the store does. What others' heartbeats say is the
//! snapshot's business, not this module's.
//!
//! A store's clock that was set forward makes every heartbeat look old at once, since they are stamped by it. Whoever sees between
//! two looks at it that it has moved by more than a period beyond the node's own time takes the heartbeats of before for as
//! much younger ([`Contact::heard_at`]), so that a silence counts as long as it lasted. What the clock may have moved by unseen
//! makes a healthy node's heartbeat look two periods old, and a grace is longer than that. Costs a lock a heartbeat and a pass.

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_core::Timestamp;
use tokio::time::Instant;

use crate::watched::Watched;

/// How many heartbeats must fit into the grace: one may be lost, and the one after it slow.
pub(crate) const HEARTBEATS_IN_GRACE: u32 = 3;

/// No node beats more often, whatever the grace.
const SHORTEST_PERIOD: Duration = Duration::from_millis(250);

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
    /// What the store's clock said last, and when it was asked.
    clock: Option<(Instant, Timestamp)>,
    step: Option<Step>,
}

/// The store's clock was set forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// When that was noticed.
    noticed: Instant,
    /// What the clock said then: no heartbeat of before is later.
    clock: Timestamp,
    /// By how much at least.
    ahead: TimeDelta,
}

impl Contact {
    /// The node has just joined, and beats with this period.
    pub(crate) fn begin(period: Duration) -> Self {
        let now = Instant::now();
        Self {
            known: Watched::new(Known { heard: now, since: now, grace: None, clock: None, step: None }),
            period,
        }
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

    /// What was asked of the store then is answered, and its clock says this.
    pub(crate) fn looked(&self, sent: Instant, clock: Timestamp) {
        let (now, patience) = (Instant::now(), self.patience());
        let ahead = self.known.modify(|known| {
            let (asked, before) = known.clock.replace((sent, clock))?;
            // As much as can have gone by between the two readings.
            let most = TimeDelta::from_std(now.duration_since(asked)).ok()?;
            let ahead = clock.signed_duration_since(before).checked_sub(&most)?;
            if ahead <= TimeDelta::from_std(self.period).ok()? {
                return None;
            }
            // Who was silent before an earlier step, less than a grace ago, is forgiven both.
            let recent = |step: &Step| now.duration_since(step.noticed) < known.grace.unwrap_or(patience);
            let earlier = known.step.filter(recent).map_or(TimeDelta::zero(), |step| step.ahead);
            known.step = Some(Step { noticed: now, clock, ahead: ahead.checked_add(&earlier)? });
            Some(ahead)
        });
        if let Some(ahead) = ahead {
            tracing::warn!(seconds = ahead.num_seconds(), "the store's clock was set forward");
        }
    }

    /// When a node was heard whose heartbeat is stamped so, by the store's clock as it goes now.
    pub(crate) fn heard_at(&self, stamp: Timestamp) -> Timestamp {
        match self.known.get().step {
            Some(step) if stamp < step.clock => {
                stamp.checked_add_signed(step.ahead).map_or(step.clock, |heard| heard.min(step.clock))
            }
            _ => stamp,
        }
    }

    /// The rules' grace. Whether it is another than before.
    pub(crate) fn learn(&self, grace: Duration) -> bool {
        self.known.modify(|known| known.grace.replace(grace) != Some(grace))
    }

    /// How often the node beats: as it was told to, or more often where the grace is so short that it would be lost between two beats.
    pub(crate) fn period(&self) -> Duration {
        self.known
            .get()
            .grace
            .map_or(self.period, |grace| self.period.min((grace / HEARTBEATS_IN_GRACE).max(SHORTEST_PERIOD)))
    }

    /// How long it takes until the node counts as lost, if it is not heard before; `None` while that is not known.
    pub(crate) fn left(&self) -> Option<Duration> {
        let known = self.known.get();
        Some(known.grace?.saturating_sub(known.heard.elapsed()))
    }

    /// Waits until the node is heard, or the grace is another.
    pub(crate) async fn changed(&self) {
        let known = self.known.get();
        self.known.wait_for(|other| *other != known).await;
    }

    /// Whether the node has been heard for two periods without a gap, so that every node that lives was heard too.
    pub(crate) fn is_settled(&self) -> bool {
        let known = self.known.get();
        known.heard.elapsed() <= self.patience() && known.since.elapsed() >= self.patience()
    }

    fn patience(&self) -> Duration {
        self.period().saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

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
    async fn r8_1_heartbeats_of_before_a_clock_was_set_forward_are_no_older_than_they_were() {
        let contact = Contact::begin(PERIOD);
        contact.learn(PERIOD * 6);
        let mut clock = Timestamp::UNIX_EPOCH;
        let look = |clock| contact.looked(Instant::now(), clock);
        for _ in 0..10 {
            look(clock);
            sleep(PERIOD).await;
            // Twice as fast as it should, it was not set.
            clock += PERIOD * 2;
        }
        look(clock);
        assert_eq!(contact.heard_at(clock - PERIOD * 3), clock - PERIOD * 3);
        let (fresh, silent) = (clock, clock - PERIOD * 3);
        let hour = Duration::from_secs(3600);
        look(clock + hour);
        assert_eq!(contact.heard_at(fresh), fresh + hour);
        assert_eq!(contact.heard_at(silent), silent + hour, "whoever was silent was so before");
        assert_eq!(contact.heard_at(clock + hour), clock + hour, "stamped since");
        sleep(PERIOD).await;
        look(clock + PERIOD + hour * 2);
        assert_eq!(contact.heard_at(fresh), fresh + hour * 2, "set twice");
        assert_eq!(
            contact.heard_at(clock + hour * 3 / 2),
            clock + PERIOD + hour * 2,
            "and never later than now"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn r8_1_a_node_is_lost_after_the_grace_since_its_last_heartbeat_was_sent() {
        let contact = Contact::begin(PERIOD);
        sleep(PERIOD * 100).await;
        assert_eq!(contact.left(), None, "no grace is known");
        contact.learn(PERIOD * 6);
        assert_eq!(contact.left(), Some(Duration::ZERO));
        contact.heard(Instant::now());
        sleep(PERIOD * 5).await;
        assert_eq!(contact.left(), Some(PERIOD));
        contact.heard(Instant::now());
        assert_eq!(contact.left(), Some(PERIOD * 6), "the heartbeat counts");
        sleep(PERIOD * 6).await;
        assert_eq!(contact.left(), Some(Duration::ZERO));
    }

    #[test]
    fn r8_1_heartbeats_fit_into_the_grace_whatever_the_node_was_told() {
        let contact = Contact::begin(PERIOD);
        assert!(contact.learn(PERIOD * 6) && !contact.learn(PERIOD * 6));
        assert_eq!(contact.period(), PERIOD);
        contact.learn(PERIOD);
        assert_eq!(contact.period(), PERIOD / HEARTBEATS_IN_GRACE);
        contact.learn(Duration::ZERO);
        assert_eq!(contact.period(), SHORTEST_PERIOD);
    }
}
