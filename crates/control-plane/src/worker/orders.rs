//! What people and passes want of running tasks: stop, because of a cancel or because the task is not ours any more.

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::chain::Chain;
use crate::limit::within;
use crate::ports::{Order, StoreError};
use crate::runner::Stop;

impl Worker {
    /// Asks for orders when woken, and now and then, until told to stop. Costs nothing while nothing runs.
    pub(crate) async fn obey(&self, stop: CancellationToken) {
        let mut period = interval(self.options.orders_period);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.orders.requested() => {}
                _ = period.tick() => {}
            }
            if let Err(error) = self.ask().await {
                tracing::warn!(error = %Chain(&error), "no orders can be had, trying again");
            }
        }
    }

    async fn ask(&self) -> Result<(), StoreError> {
        let executing = self.running.executing();
        if executing.is_empty() {
            return Ok(());
        }
        for (task, order) in within(self.options.call_limit, self.store.orders(&executing)).await? {
            // Told is the dispatch that was asked about: the task may have come back under another meanwhile.
            let Some(&key) = executing.iter().find(|(id, _)| *id == task) else { continue };
            let told = match order {
                Order::Cancel => self.running.tell(key, Stop::Cancel),
                Order::Abandon => self.running.tell(key, Stop::Abandon),
            };
            tracing::debug!(%task, dispatch = %key.1, ?order, told, "ordered to stop");
        }
        Ok(())
    }
}
