//! Says that the node lives, and hears whether another has taken its name.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::health::Health;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::contact::Contact;
use crate::options::Options;
use crate::ports::{Members, Membership, Standing};
use crate::signal::Signal;

/// The heart of a node.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) store: Arc<dyn Members>,
    pub(super) member: Membership,
    pub(super) health: Arc<Health>,
    pub(super) contact: Arc<Contact>,
    /// Asks for a beat before it is time.
    pub(super) requests: Signal,
    /// Orders are asked for with each beat: a node that was frozen learns so what it has lost meanwhile.
    pub(super) orders: Signal,
    /// Cancelled when another process has joined under this name.
    pub(super) replaced: CancellationToken,
    pub(super) options: Options,
}

impl Heartbeat {
    /// Beats until told to stop. A beat that is lost is tried again soon.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut period = interval(self.contact.period());
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut backoff = Backoff::up_to(self.options.retry_cap.min(self.options.heartbeat));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.requests.requested() => {}
                _ = period.tick() => {}
            }
            while !self.beat().await {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = backoff.wait() => {}
                }
            }
            backoff.reset();
            let wanted = self.contact.period();
            if period.period() != wanted {
                period = interval_at(Instant::now() + wanted, wanted);
                period.set_missed_tick_behavior(MissedTickBehavior::Delay);
            }
            if self.replaced.is_cancelled() {
                return stop.cancelled().await;
            }
        }
    }

    /// One beat; whether the store has answered. One that takes longer than two periods is as good as lost.
    async fn beat(&self) -> bool {
        let sent = Instant::now();
        match timeout(self.contact.period() * 2, self.store.beat(self.member)).await {
            Ok(Ok(Standing::Member { now })) => {
                self.health.beat();
                self.contact.heard(sent);
                self.contact.looked(sent, now);
                self.learn_grace().await;
                self.orders.request();
                true
            }
            Ok(Ok(Standing::Replaced)) => {
                self.replaced.cancel();
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "a heartbeat was lost, trying again");
                false
            }
            Err(_) => {
                tracing::warn!("a heartbeat got no answer, trying again");
                false
            }
        }
    }

    /// The rules may have changed. One that cannot be read leaves the grace as it is known.
    async fn learn_grace(&self) {
        match timeout(self.options.heartbeat, self.store.heartbeat_grace()).await {
            Ok(Ok(grace)) => {
                let changed = self.contact.learn(Duration::from_secs(u64::from(grace.get())));
                if changed && self.contact.period() < self.options.heartbeat {
                    tracing::warn!(
                        %grace, interval = ?self.contact.period(),
                        "the rules' heartbeat grace is short: this node beats more often than it was told to"
                    );
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %Chain(&error), "the grace of the rules cannot be read");
            }
            Err(_) => tracing::debug!("the grace of the rules got no answer"),
        }
    }
}
