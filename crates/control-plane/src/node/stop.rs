//! How the loops of a node end.

use std::sync::Arc;

use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::Loops;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::runner::Stop;
use crate::worker::Worker;

/// How much longer than its cut-off a task is waited for: one that blocks its thread cannot be cut off.
const LAST_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

impl Loops {
    /// In good order: nothing is lost, and nothing new is begun.
    pub(super) async fn stop(mut self) {
        tracing::info!("stopping: taking nothing new, letting what runs go on for a while");
        self.taking.cancel();
        let worker = Arc::clone(&self.worker);
        let draining = AbortOnDropHandle::new(tokio::spawn(async move { drain(&worker).await }));
        while self.intake.join_next().await.is_some() {}
        let options = self.worker.options;
        if timeout(options.stop_grace, self.worker.pool.quiet()).await.is_err() {
            let left = self.worker.running.executing().len();
            tracing::warn!(left, "telling what still runs to stop");
            self.worker.running.tell_all(Stop::Node);
            if timeout(options.cut_off + LAST_WAIT, self.worker.pool.quiet()).await.is_err() {
                tracing::error!(
                    left = self.worker.running.executing().len(),
                    "tasks block their threads and cannot be stopped: the next pass fails them"
                );
            }
        }
        if timeout(options.flush_limit, self.worker.reports.backlog_below(1)).await.is_err() {
            tracing::error!("the last results could not be written: the next pass fails their tasks");
        }
        drop(draining);
        self.stop.cancel();
        let _ = timeout(options.cut_off, async { while self.others.join_next().await.is_some() {} }).await;
        self.leave().await;
    }

    /// At once: what runs here is not ours any more.
    pub(super) async fn abandon(self) {
        tracing::error!("another process has joined under this name: everything is cut off");
        self.taking.cancel();
        self.stop.cancel();
        self.worker.running.tell_all(Stop::Abandon);
        // Whatever is left after that ends with the pool.
        let _ = timeout(LAST_WAIT, self.worker.pool.quiet()).await;
    }

    /// Says goodbye; if that fails, the node counts as lost after the rules' grace instead.
    async fn leave(&self) {
        let mut backoff = Backoff::up_to(self.worker.options.retry_cap);
        let goodbye = async {
            while let Err(error) = self.worker.store.leave(self.worker.member).await {
                tracing::warn!(error = %Chain(&error), "cannot say goodbye yet, trying again");
                sleep(backoff.next()).await;
            }
        };
        if timeout(self.worker.options.flush_limit, goodbye).await.is_err() {
            tracing::warn!("left without a goodbye");
        }
    }
}

/// Says that the node takes nothing new, and says so again while it stops: a pass that had read before may have sent it something
/// since, which would wait here until the goodbye.
async fn drain(worker: &Worker) {
    let mut backoff = Backoff::up_to(worker.options.retry_cap);
    loop {
        match worker.store.drain(worker.member).await {
            Ok(()) => {
                backoff.reset();
                sleep(worker.options.heartbeat).await;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "cannot say yet that nothing new is taken, trying again");
                backoff.wait().await;
            }
        }
    }
}
