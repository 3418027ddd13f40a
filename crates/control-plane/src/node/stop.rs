//! How the loops of a node end.
//!
//! Every step has a limit, so that a node ends within its stop's grace and little more, whatever does not answer: a last result is
//! tried as long as the grace is not over, and what could not be reported is said, task by task, so that what the next pass says of those
//! tasks can be understood.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::Loops;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::runner::Stop;
use crate::worker::Worker;

/// How much longer than its cut-off a task is waited for: one that blocks its thread cannot be cut off.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How long a goodbye is tried that has no time left: once.
const LAST_TRY: Duration = Duration::from_secs(2);

impl Loops {
    /// In good order: nothing is lost, and nothing new is begun.
    pub(super) async fn stop(mut self) {
        tracing::info!("stopping: taking nothing new, letting what runs go on for a while");
        let options = self.worker.options;
        let grace_ends = Instant::now() + options.stop_grace;
        self.taking.cancel();
        let worker = Arc::clone(&self.worker);
        let draining = AbortOnDropHandle::new(tokio::spawn(async move { drain(&worker).await }));
        let taken = async { while self.intake.join_next().await.is_some() {} };
        if timeout_at(grace_ends, taken).await.is_err() {
            tracing::error!(
                "it is not known whether the last claims were made: the next pass fails their tasks if so"
            );
            self.intake.abort_all();
        }
        if timeout_at(grace_ends, self.worker.pool.quiet()).await.is_err() {
            self.cut_short().await;
        }
        let flush_ends = grace_ends.max(Instant::now() + options.flush_limit);
        let written = timeout_at(flush_ends, self.worker.reports.all_written()).await.is_ok();
        drop(draining);
        self.stop.cancel();
        let ended = async { while self.others.join_next().await.is_some() {} };
        if timeout(options.cut_off, ended).await.is_err() {
            // What waits for an answer now ends at once.
            self.others.abort_all();
            let _ = timeout(LAST_TRY, async { while self.others.join_next().await.is_some() {} }).await;
        }
        if !written {
            self.worker.reports.name_unwritten().await;
        }
        self.leave(if written { options.flush_limit } else { LAST_TRY }).await;
    }

    /// The grace is over: tells what still runs to stop, and cuts off what does not.
    async fn cut_short(&self) {
        let left = self.worker.running.executing().len();
        tracing::warn!(left, "telling what still runs to stop");
        self.worker.running.tell_all(Stop::Node);
        if timeout(self.worker.options.cut_off + LAST_WAIT, self.worker.pool.quiet()).await.is_err() {
            tracing::error!(
                left = self.worker.running.executing().len(),
                "tasks block their threads and cannot be stopped: the next pass fails them"
            );
        }
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
    async fn leave(&self, limit: Duration) {
        let mut backoff = Backoff::up_to(self.worker.options.retry_cap);
        let goodbye = async {
            while let Err(error) = self.worker.store.leave(self.worker.member).await {
                tracing::warn!(error = %Chain(&error), "cannot say goodbye yet, trying again");
                sleep(backoff.next()).await;
            }
        };
        if timeout(limit, goodbye).await.is_err() {
            tracing::warn!(
                "left without a goodbye: this node counts as lost once the rules' heartbeat grace is over"
            );
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
