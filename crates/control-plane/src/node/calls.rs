//! Broadcasts and requests: runs the ones, answers the others.
//!
//! Answers never hold payloads. A broadcast runs beside everything else; one that panics or does not fit is logged.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use scheduler_core::Timestamp;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Roles;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::pool::{PoolBounds, PoolStatus};
use crate::ports::{Broadcast, BrokerError, Call, Calls, NodeStatus, Reply, Request};
use crate::runner::Stop;
use crate::worker::Worker;

/// How many broadcasts run at once; what comes beyond that is left out.
const BROADCAST_LIMIT: usize = 1_000;

/// What a node does when it is asked to read its configuration again.
pub(super) type Reload =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reloaded, String>> + Send>> + Send + Sync>;

/// What a configuration that was read again says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// New bounds for the pool; `None` to keep those that it has.
    pub pool: Option<PoolBounds>,
    /// What is different now, in words.
    pub summary: String,
}

/// How many broadcasts are run at a time, so that handlers that do not end cannot fill the memory.
const MOST_BROADCASTS: usize = 64;

/// The ear of a node.
pub(super) struct Ear {
    pub(super) worker: Arc<Worker>,
    pub(super) hostname: String,
    pub(super) version: String,
    pub(super) roles: Roles,
    pub(super) since: Timestamp,
    pub(super) reload: Option<Reload>,
}

impl Ear {
    /// Listens until told to stop.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut backoff = Backoff::up_to(self.worker.options.retry_cap);
        loop {
            let error = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                error = self.listen(&mut backoff) => error,
            };
            tracing::warn!(error = %Chain(&error), "no calls can be heard, trying again");
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = backoff.wait() => {}
            }
        }
    }

    async fn listen(&self, backoff: &mut Backoff) -> BrokerError {
        let mut calls = match self.worker.broker.calls(self.worker.member.instance).await {
            Ok(calls) => calls,
            Err(error) => return error,
        };
        let mut broadcasts = JoinSet::new();
        loop {
            match calls.next().await {
                Ok(call) => {
                    backoff.reset();
                    if let Err(error) = self.take(call, &mut *calls, &mut broadcasts).await {
                        return error;
                    }
                }
                Err(error) => return error,
            }
            while broadcasts.try_join_next().is_some() {}
        }
    }

    async fn take(
        &self,
        call: Call,
        calls: &mut dyn Calls,
        broadcasts: &mut JoinSet<()>,
    ) -> Result<(), BrokerError> {
        match call {
            Call::Broadcast(broadcast) => {
                self.run_broadcast(broadcast, broadcasts);
                Ok(())
            }
            Call::Request(request, to) => {
                let by = to.asked_by.as_deref().unwrap_or("somebody who does not say who");
                match request {
                    Request::Status | Request::Running => tracing::debug!(?request, by, "asked"),
                    Request::Cancel(_) | Request::Reload => tracing::info!(?request, by, "asked"),
                }
                let reply = self.answer(request).await;
                calls.reply(to, &reply).await
            }
        }
    }

    fn run_broadcast(&self, broadcast: Broadcast, broadcasts: &mut JoinSet<()>) {
        let name = broadcast.handler;
        if broadcasts.len() >= MOST_BROADCASTS {
            tracing::warn!(handler = %name, "a broadcast is lost: {MOST_BROADCASTS} others are still run");
            return;
        }
        let Some(handler) = self.worker.runner.handlers().broadcast(&name).cloned() else {
            tracing::warn!(handler = %name, "a broadcast names a handler that this node does not have");
            return;
        };
        if broadcasts.len() >= BROADCAST_LIMIT {
            tracing::warn!(handler = %name, "a broadcast is left out: too many still run");
            return;
        }
        broadcasts.spawn(async move {
            if let Err(misfit) = handler.call(broadcast.payload).await {
                tracing::warn!(handler = %name, misfit, "a broadcast does not fit its handler");
            }
        });
    }

    async fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Status => Reply::Status(self.status()),
            Request::Running => Reply::Running(self.worker.running.views()),
            Request::Cancel(task) => Reply::Canceling(self.worker.running.tell_task(task, Stop::Cancel)),
            Request::Reload => self.reload().await,
        }
    }

    fn status(&self) -> NodeStatus {
        let PoolStatus { size, busy, bounds } = self.worker.pool.status();
        NodeStatus {
            hostname: self.hostname.clone(),
            version: self.version.clone(),
            roles: self.roles.names().into_iter().map(str::to_owned).collect(),
            since: self.since,
            workers: size,
            busy,
            bounds: (bounds.least, bounds.most),
        }
    }

    /// The new configuration first: when that cannot be read, nothing changes.
    async fn reload(&self) -> Reply {
        let reloaded = match &self.reload {
            Some(reload) => match timeout(self.worker.options.cut_off, reload()).await {
                Ok(Ok(reloaded)) => reloaded,
                Ok(Err(failure)) => return Reply::Failed(failure),
                Err(_) => return Reply::Failed("the configuration could not be read in time".into()),
            },
            None => Reloaded { pool: None, summary: "the pool is recycled".into() },
        };
        self.worker.pool.recycle(reloaded.pool);
        Reply::Reloaded(reloaded.summary)
    }
}
