//! What runs a task: a handler by its name, told to stop when it must, and cut off when it does not listen.
//!
//! A handler runs as an asynchronous task of its own: one that panics ends its task with `error` and touches
//! nothing else. This module decides what becomes of a task when its handler returns, panics, is told to stop or is cut
//! off; it does not know stores, and nothing runs here that was not claimed first: the only way in is an
//! [`Assignment`], which only a claim gives (R12.4).

#[cfg(feature = "commands")]
mod command;
mod handler;
mod handlers;
mod hooks;
mod shortage;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use scheduler_core::Outcome;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

#[cfg(feature = "commands")]
pub use command::CommandOptions;
pub use handler::{BroadcastHandler, Context, Handler, IntoEnded};
pub use handlers::Handlers;
pub use hooks::{Ending, Hook};

use self::shortage::Shortage;
use crate::definition::HandlerName;
use crate::ports::{Assignment, Ended, TraceContext, Verdict};

/// What registered functions return.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// This machine has no room for what a handler would begin, and nothing has begun; in words, why.
#[derive(Debug)]
pub(crate) struct NoRoom(String);

/// What a handler came to.
type Came = Result<Ended, NoRoom>;

/// Why a running task is told to stop. Of several the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Its node stops: it is handed back if it may be run again, else canceled.
    Node,
    /// Somebody asked to cancel it.
    Cancel,
    /// Its node has had no contact with the store for so long that others take it for lost (R8.1): it is cut off at once, and
    /// reported, in case nobody has failed it: handed back if it may be run again, else failed.
    Fence,
    /// It is not ours any more: it is cut off at once, and nothing is reported.
    Abandon,
}

/// Runs assignments.
#[derive(Debug)]
pub(crate) struct Runner {
    handlers: Arc<Handlers>,
    cut_off: Duration,
    shortage: Shortage,
}

impl Runner {
    /// With these handlers; one that was told to stop has this long before it is cut off.
    pub(crate) fn new(handlers: Arc<Handlers>, cut_off: Duration) -> Self {
        Self { handlers, cut_off, shortage: Shortage::default() }
    }

    /// The handlers.
    pub(crate) fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    /// Waits until what is claimed may find room on this machine; of so many tasks, for how many.
    pub(crate) async fn room(&self, of: usize) -> usize {
        self.shortage.room(of).await
    }

    /// Runs a task to its end; `None` when there is nothing to report, because it is not ours any more.
    pub(crate) async fn run(
        &self,
        assignment: Assignment,
        trace: Option<TraceContext>,
        mut stop: watch::Receiver<Option<Stop>>,
    ) -> Option<Verdict> {
        let span = tracing::info_span!(
            "task",
            task = %assignment.task,
            dispatch = %assignment.dispatch,
            handler = %assignment.run.handler,
        );
        let Some(handler) = self.handlers.get(&assignment.run.handler) else {
            return verdict(self.unknown(&assignment.run.handler), *stop.borrow(), false);
        };
        let stopping = CancellationToken::new();
        let context = Context::new(&assignment, trace, stopping.clone());
        let work = handler.call(assignment.run.payload, context);
        let work = AbortOnDropHandle::new(tokio::spawn(work.instrument(span.clone())));
        let ended = self.attend(work, &stopping, &mut stop).instrument(span).await;
        let told = *stop.borrow();
        match ended {
            Ok(ended) => verdict(ended, told, handler.is_restartable()),
            Err(NoRoom(why)) => {
                self.shortage.met(&why);
                (told != Some(Stop::Abandon)).then_some(Verdict::HandedBack)
            }
        }
    }

    /// Waits for the handler, passing on what it is told.
    async fn attend(
        &self,
        mut work: AbortOnDropHandle<Came>,
        stopping: &CancellationToken,
        stop: &mut watch::Receiver<Option<Stop>>,
    ) -> Came {
        let told = tokio::select! {
            biased;
            done = &mut work => return conclude(done),
            told = stop.wait_for(Option::is_some) => told.map_or(Some(Stop::Abandon), |told| *told),
        };
        stopping.cancel();
        if told < Some(Stop::Fence) {
            tracing::debug!(?told, "the handler is told to stop");
            tokio::select! {
                biased;
                done = &mut work => return conclude(done),
                _ = stop.wait_for(|told| *told >= Some(Stop::Fence)) => {}
                () = tokio::time::sleep(self.cut_off) => {
                    tracing::warn!("the handler did not stop in time and is cut off");
                }
            }
        }
        work.abort();
        conclude(work.await)
    }

    fn unknown(&self, name: &HandlerName) -> Ended {
        let known: Vec<&str> = self.handlers.names().map(HandlerName::as_str).collect();
        let explanation = format!(
            "this node has no handler \"{name}\": register it, or name one of those that it has: {}",
            known.join(", ")
        );
        Ended::because(Outcome::Error, explanation)
    }
}

/// What a handler's task came to.
fn conclude(done: Result<Came, JoinError>) -> Came {
    Ok(match done {
        Ok(ended) => return ended,
        Err(error) if error.is_panic() => {
            tracing::error!("the handler panicked");
            Ended::because(Outcome::Error, "the handler panicked")
        }
        Err(_) => Ended::because(Outcome::Canceled, "it was told to stop, did not in time, and was cut off"),
    })
}

/// What to report of a task that ended so, having been told to stop or not. What was successful all the same stays so.
fn verdict(ended: Ended, told: Option<Stop>, restartable: bool) -> Option<Verdict> {
    let canceled = |why: &str| {
        let explanation = match ended.outcome {
            Outcome::Canceled if !ended.explanation.is_empty() => format!("{why}: {}", ended.explanation),
            _ => why.into(),
        };
        Verdict::Ended(Ended { outcome: Outcome::Canceled, explanation, output: ended.output.clone() })
    };
    match told {
        Some(Stop::Abandon) => None,
        None => Some(Verdict::Ended(ended)),
        Some(_) if ended.outcome == Outcome::Successful => Some(Verdict::Ended(ended)),
        Some(Stop::Node | Stop::Fence) if restartable => Some(Verdict::HandedBack),
        Some(Stop::Node) => Some(canceled("its node stopped before it was done")),
        Some(Stop::Fence) => Some(Verdict::Ended(Ended {
            outcome: Outcome::Failed,
            explanation:
                "its node had no contact with the store for longer than the heartbeat grace and ended it"
                    .into(),
            output: ended.output,
        })),
        Some(Stop::Cancel) => Some(canceled("it was asked to cancel")),
    }
}

#[cfg(test)]
mod tests;
