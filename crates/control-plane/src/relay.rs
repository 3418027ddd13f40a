//! Sends what the outbox holds, and forgets what the broker has confirmed (R12.4).
//!
//! At least once: a relay that dies between confirmation and settling leaves messages that are sent again, and the claim lets
//! only one taker through. Several relays share the work, since the store hands a message to one at a time. What no
//! queue takes stays unsent and rests for a while ([`REST_AFTER_RETURN`]), so that messages for a node that is gone hold
//! nobody up; once a pass has taken such a task back its message is void, and the store forgets it.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::metrics;
use crate::options::Options;
use crate::ports::{
    Broker, BrokerError, Dispatch, Outbox, OutboxId, Publication, REST_AFTER_RETURN, StoreError,
};
use crate::signal::Signal;

/// Sends messages.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) store: Arc<dyn Outbox>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) requests: Signal,
    pub(crate) options: Options,
}

/// What became of a batch.
struct Batch {
    /// There may be more.
    full: bool,
    /// Something was not taken and rests.
    returned: bool,
}

/// Why a batch was not sent. Its messages are in the outbox as before.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Relay {
    /// Runs until told to stop. A batch that has begun is sent to its end.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut period = interval(self.options.relay_period);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rested = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.requests.requested() => {}
                () = until(rested) => rested = None,
                _ = period.tick() => {}
            }
            if self.empty(&stop).await {
                rested.get_or_insert_with(|| Instant::now() + REST_AFTER_RETURN);
            }
        }
    }

    /// Sends until the outbox has nothing more to send; whether something was not taken, and is to be sent when it has rested.
    async fn empty(&self, stop: &CancellationToken) -> bool {
        let mut backoff = Backoff::up_to(self.options.retry_cap);
        let mut returned = false;
        while !stop.is_cancelled() {
            match self.send().await {
                Ok(batch) => {
                    backoff.reset();
                    returned |= batch.returned;
                    if !batch.full {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "nothing was sent, trying again");
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => break,
                        () = backoff.wait() => {}
                    }
                }
            }
        }
        returned
    }

    /// Sends one batch.
    async fn send(&self) -> Result<Batch, RelayError> {
        let limit = self.options.relay_batch.max(1);
        let batch = self.store.unsent(limit).await?;
        let messages = batch.messages();
        if messages.is_empty() {
            return Ok(Batch { full: false, returned: false });
        }
        let count = messages.len();
        let dispatches: Vec<Dispatch> = messages.iter().map(|message| message.dispatch.clone()).collect();
        let publications = match self.broker.publish(&dispatches).await {
            Ok(publications) => publications,
            Err(error) => {
                metrics::publish_failed(count);
                return Err(error.into());
            }
        };
        let mut sent: Vec<OutboxId> = Vec::with_capacity(count);
        for (message, publication) in messages.iter().zip(&publications) {
            metrics::published(*publication);
            let (task, dispatch) = (message.dispatch.task, message.dispatch.dispatch);
            match publication {
                Publication::Confirmed => sent.push(message.id),
                Publication::Unroutable | Publication::Refused => {
                    tracing::warn!(%task, %dispatch, ?publication, "not sent, trying again later");
                }
            }
        }
        batch.settle(&sent).await?;
        tracing::debug!(messages = count, sent = sent.len(), "a batch is sent");
        Ok(Batch { full: count >= limit, returned: sent.len() < count })
    }
}

/// Waits until this moment; for ever if there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
