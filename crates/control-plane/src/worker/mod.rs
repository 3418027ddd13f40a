//! A worker: takes dispatches, claims their tasks, runs them, reports what became of them.
//!
//! The way of a task through here: [`intake`] gets its dispatch, claims it together with others, hands the
//! task to the pool, and acknowledges the messages; a handler runs it; [`reports`] gathers what became of it and writes it together with
//! others; [`orders`] tells running tasks what people want of them. There is no call to a store for a single task.
//!
//! No more is claimed than can begin at once: what this node has no hands for stays `waiting`, where a pass can still
//! take it back, and in the shared queue, where another node may take it.

mod intake;
mod orders;
mod reports;

use std::sync::Arc;

use scheduler_core::{DispatchId, TaskId};
use tokio_util::sync::CancellationToken;

pub(crate) use reports::Reports;

use crate::metrics;
use crate::options::Options;
use crate::pool::Pool;
use crate::ports::{Assignment, Broker, Clock, Dispatch, Membership, NodeStore};
use crate::runner::Runner;
use crate::running::Running;
use crate::signal::Signal;

/// The worker of a node.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) store: Arc<dyn NodeStore>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) member: Membership,
    pub(crate) runner: Arc<Runner>,
    pub(crate) running: Arc<Running>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) pool: Pool,
    /// Asks for orders before it is time.
    pub(crate) orders: Signal,
    /// Cancelled once the first consumer is open, so that this node's queue exists.
    pub(crate) opened: CancellationToken,
    /// Cancelled when another process has joined under this node's name.
    pub(crate) replaced: CancellationToken,
    pub(crate) options: Options,
}

impl Worker {
    /// Hands a claimed task to the pool.
    fn begin(&self, assignment: Assignment, dispatch: Dispatch) {
        let key: (TaskId, DispatchId) = (assignment.task, assignment.dispatch);
        let handler = assignment.run.handler.clone();
        let Some(told) = self.running.admit(key, handler.clone(), self.clock.now()) else { return };
        metrics::waited(assignment.waited);
        tracing::debug!(task = %key.0, dispatch = %key.1, %handler, "claimed");
        let kind = assignment.kind;
        let (runner, running, reports) =
            (Arc::clone(&self.runner), Arc::clone(&self.running), Arc::clone(&self.reports));
        self.pool.submit(async move {
            let verdict = runner.run(assignment, dispatch.trace, told).await;
            running.end(key);
            match verdict {
                Some(verdict) => reports.add(key, kind, handler, verdict),
                None => running.release(key),
            }
        });
    }
}
