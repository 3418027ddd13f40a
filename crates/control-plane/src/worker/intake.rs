//! Dispatches in: claim, begin, acknowledge.
//!
//! A message is acknowledged once its claim is committed, and not before, so that the broker delivers it again if the node
//! dies in between; nor long after, since brokers give up on consumers that hold messages for long. A consumer that had no
//! room for some seconds gives its messages back, so that others may have those of the shared queue. So does a node that learns by
//! the answer to a claim that it was replaced: it acknowledges nothing, since the messages are for its successor.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::limit::within;
use crate::metrics;
use crate::ports::{BrokerError, Claimed, Claims, Deliveries, Dispatch, StoreError, Verdict};

/// How long a full pool keeps messages that it cannot begin.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(10);

/// Why a consumer is done for.
enum Done {
    /// The node stops, or the pool was full for long.
    GaveBack,
    /// The node is no member any more.
    Replaced,
    Broke(BrokerError),
}

/// What became of the claims of one batch of messages.
enum Taken {
    Claimed(Vec<(Dispatch, Claimed)>),
    /// The node stops.
    Stopped,
    Replaced,
}

impl Worker {
    /// Takes dispatches until told to stop. A claim that has begun is made to its end, or handed back when its answer is lost, so that
    /// none is lost on the way.
    pub(crate) async fn take(&self, stop: CancellationToken) {
        let mut backoff = Backoff::up_to(self.options.retry_cap);
        while !stop.is_cancelled() {
            let slots = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                slots = self.room() => slots,
            };
            tracing::trace!(slots, "asking for dispatches");
            let prefetch = self.pool.status().bounds.most.clamp(1, 1_000);
            let opened = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                opened = self.broker.deliveries(self.member.instance, u16::try_from(prefetch).unwrap_or(1_000)) => opened,
            };
            let error = match opened {
                Ok(deliveries) => {
                    self.opened.cancel();
                    match self.consume(deliveries, &mut backoff, &stop).await {
                        Done::GaveBack => continue,
                        Done::Replaced => {
                            self.replaced.cancel();
                            return stop.cancelled().await;
                        }
                        Done::Broke(error) => error,
                    }
                }
                Err(error) => error,
            };
            tracing::warn!(error = %Chain(&error), "no dispatches can be taken, trying again");
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = backoff.wait() => {}
            }
        }
    }

    /// Waits until something could begin at once, and says how many could.
    async fn room(&self) -> usize {
        self.reports.room().await;
        let slots = usize::try_from(self.pool.slots().await).unwrap_or(usize::MAX);
        self.runner.room(slots).await
    }

    async fn consume(
        &self,
        mut deliveries: Box<dyn Deliveries>,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Done {
        loop {
            let slots = tokio::select! {
                biased;
                () = stop.cancelled() => return Done::GaveBack,
                slots = timeout(GIVE_BACK_AFTER, self.room()) => match slots {
                    Ok(slots) => slots,
                    Err(_) => return Done::GaveBack,
                },
            };
            let dispatches = tokio::select! {
                biased;
                () = stop.cancelled() => return Done::GaveBack,
                next = deliveries.next(slots.clamp(1, self.options.claim_batch.max(1))) => match next {
                    Ok(dispatches) => dispatches,
                    Err(error) => return Done::Broke(error),
                },
            };
            backoff.reset();
            let claimed = match self.claim(dispatches, stop).await {
                Taken::Claimed(claimed) => claimed,
                Taken::Stopped => return Done::GaveBack,
                Taken::Replaced => return Done::Replaced,
            };
            for (dispatch, claimed) in claimed {
                match claimed {
                    Claimed::Run(assignment) => self.begin(*assignment, dispatch),
                    Claimed::Void => tracing::debug!(
                        task = %dispatch.task,
                        dispatch = %dispatch.dispatch,
                        "nothing to take under this dispatch"
                    ),
                }
            }
            if let Err(error) = deliveries.acknowledge().await {
                return Done::Broke(error);
            }
        }
    }

    /// Claims what is not in hand yet, until the store answers; when the node stops before it does, what turns out to be taken is
    /// handed back.
    async fn claim(&self, mut dispatches: Vec<Dispatch>, stop: &CancellationToken) -> Taken {
        let mut seen = std::collections::HashSet::new();
        dispatches.retain(|one| {
            let key = (one.task, one.dispatch);
            seen.insert(key) && !self.running.holds(key)
        });
        if dispatches.is_empty() {
            return Taken::Claimed(Vec::new());
        }
        let mut backoff = Backoff::up_to(self.options.retry_cap);
        loop {
            match self.claim_once(&dispatches).await {
                Ok(Claims::Answered(claimed)) => {
                    for claimed in &claimed {
                        metrics::claimed(claimed);
                    }
                    return Taken::Claimed(dispatches.into_iter().zip(claimed).collect());
                }
                Ok(Claims::Replaced) => return Taken::Replaced,
                Err(error) => tracing::warn!(error = %Chain(&error), "nothing was claimed, trying again"),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.hand_back(&dispatches).await;
                    return Taken::Stopped;
                }
                () = backoff.wait() => {}
            }
        }
    }

    /// A claim whose answer was lost may have been made: asked again, the store says so, and what it gives is handed back, since a
    /// task that was taken and never run would fail with the node's goodbye.
    async fn hand_back(&self, dispatches: &[Dispatch]) {
        let mut backoff = Backoff::up_to(self.options.retry_cap);
        let asked = async {
            loop {
                match self.claim_once(dispatches).await {
                    // What a replaced node had taken has failed.
                    Ok(claims) => return claims.answered().unwrap_or_default(),
                    Err(error) => {
                        tracing::warn!(error = %Chain(&error), "what was claimed is not known yet, trying again");
                    }
                }
                backoff.wait().await;
            }
        };
        let Ok(claimed) = timeout(self.options.flush_limit, asked).await else {
            tracing::error!(
                "it is not known whether the last claims were made: the next pass fails their tasks if so"
            );
            return;
        };
        for claimed in claimed {
            if let Claimed::Run(assignment) = claimed {
                let key = (assignment.task, assignment.dispatch);
                self.reports.add(key, assignment.kind, assignment.run.handler, Verdict::HandedBack);
            }
        }
    }

    /// All at once; when the store cannot do that whatever the connection, one by one, so that one row that is bad, or that somebody
    /// keeps, stops no other. It is passed over: while it is `waiting` it is dispatched again after the rules' grace (R8.2). A row
    /// that was taken and cannot be run is for the store to end.
    async fn claim_once(&self, dispatches: &[Dispatch]) -> Result<Claims, StoreError> {
        let limit = self.options.call_limit;
        let keys: Vec<_> = dispatches.iter().map(|one| (one.task, one.dispatch)).collect();
        match within(limit, self.store.claim(self.member, &keys)).await {
            Err(error) if error.is_of_single_rows() => {
                let mut claimed = Vec::with_capacity(keys.len());
                for key in keys {
                    claimed.push(match within(limit, self.store.claim(self.member, &[key])).await {
                        Ok(Claims::Answered(one)) => one.into_iter().next().unwrap_or(Claimed::Void),
                        Ok(Claims::Replaced) => return Ok(Claims::Replaced),
                        Err(error) if !error.is_of_single_rows() => return Err(error),
                        Err(error) => {
                            let (task, dispatch) = key;
                            tracing::error!(%task, %dispatch, error = %Chain(&error), "cannot be claimed");
                            Claimed::Void
                        }
                    });
                }
                Ok(Claims::Answered(claimed))
            }
            other => other,
        }
    }
}
