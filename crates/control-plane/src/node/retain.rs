//! Removes what ended long ago, now and then, so that the store does not grow for ever.
//!
//! Any number of nodes may do so: portions take turns, and whoever comes later finds nothing. Between portions it rests as long as the
//! last one took, so that passes and workers hardly notice.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use scheduler_core::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::ports::{Counts, Purge, Purged, Retention, StoreError};

/// The shortest rest between two portions.
const REST: Duration = Duration::from_millis(50);

/// Who forgets what is over.
#[derive(Debug)]
pub(super) struct Retain {
    pub(super) retention: Arc<dyn Retention>,
    /// The store's clock is part of its counts.
    pub(super) counts: Arc<dyn Counts>,
    /// How long what has ended is kept.
    pub(super) age: Duration,
    pub(super) period: Duration,
}

impl Retain {
    /// Runs until told to stop. A portion that has begun is ended.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut period = interval(self.period);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = period.tick() => {}
            }
            match self.purge(&stop).await {
                Ok(purged) if purged.removed > 0 => {
                    tracing::info!(
                        removed = purged.removed,
                        kept = purged.kept_in_all(),
                        "removed old tasks"
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "old tasks are not removed, trying again later");
                }
            }
        }
    }

    /// All portions of one purge, or as many as there is time for before the stop.
    async fn purge(&self, stop: &CancellationToken) -> Result<Purged, StoreError> {
        let now = self.counts.statistics().await?.now;
        let age = TimeDelta::from_std(self.age).unwrap_or(TimeDelta::MAX);
        let moment = now.checked_sub_signed(age).unwrap_or(Timestamp::MIN_UTC);
        let mut portion = Purge::of(moment, Purge::PORTION);
        let mut sum = Purged::default();
        loop {
            let began = Instant::now();
            sum.add(&self.retention.purge(&portion).await?);
            portion.after = sum.next;
            if sum.next.is_none() {
                return Ok(sum);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(sum),
                () = sleep(began.elapsed().max(REST)) => {}
            }
        }
    }
}
