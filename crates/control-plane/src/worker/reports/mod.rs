//! Results out: gathered, written in batches, and kept until the store has them.
//!
//! While one batch is being written, what ends meanwhile gathers for the next, so the size of batches follows the load by itself.
//! A report may be written twice without harm, since only the first counts, so a broken connection is answered by writing
//! again. As long as the process lives no result is lost: a report that the store refuses for its content is written
//! again without the output, then with a fixed explanation, and such a bare outcome again and again, beside the others and ever more
//! seldom, until the store takes it or says that the task is not ours any more ([`refused`]).
//!
//! What is unwritten is bounded, in number and in bytes: beyond that this node claims nothing ([`Reports::room`]).

mod batch;
mod hooks;
mod refused;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scheduler_core::{DispatchId, Kind, TaskId};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use self::hooks::HookCalls;
use self::refused::Refused;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::definition::HandlerName;
use crate::options::Options;
use crate::ports::{Ended, Report, Verdict, Work};
use crate::runner::Handlers;
use crate::running::Running;
use crate::watched::Watched;

/// How many reports may be unwritten before nothing more is taken: a store that takes no reports gets no claims.
const COUNT_LIMIT: usize = 10_000;

/// How much output they may hold together, in bytes, before the same.
const OUTPUT_LIMIT: usize = 64 * 1024 * 1024;

/// How many unwritten reports are named one by one when a node stops.
const NAMED_LIMIT: usize = 100;

/// The reports that are not written yet.
#[derive(Debug)]
pub(crate) struct Reports {
    queue: Mutex<VecDeque<Done>>,
    refused: Mutex<Refused>,
    /// What is not written yet, in the writer's hands or refused included.
    unwritten: Watched<Unwritten>,
    running: Arc<Running>,
}

/// How much is unwritten.
#[derive(Clone, Copy, Debug, Default)]
struct Unwritten {
    count: usize,
    /// Of the count, those that the store has refused as bare as they can be.
    refused: usize,
    output: usize,
}

/// A report, and what hooks are told besides.
#[derive(Debug)]
struct Done {
    report: Report,
    kind: Kind,
    handler: HandlerName,
    /// How often the store refused it for its content.
    refusals: u32,
}

impl Reports {
    /// None yet.
    pub(crate) fn new(running: Arc<Running>) -> Self {
        Self {
            queue: Mutex::default(),
            refused: Mutex::default(),
            unwritten: Watched::new(Unwritten::default()),
            running,
        }
    }

    /// Takes a result to be written.
    pub(crate) fn add(
        &self,
        (task, dispatch): (TaskId, DispatchId),
        kind: Kind,
        handler: HandlerName,
        verdict: Verdict,
    ) {
        let verdict = match verdict {
            Verdict::Ended(ended) => Verdict::Ended(ended.bounded()),
            Verdict::HandedBack => Verdict::HandedBack,
        };
        let done = Done { report: Report { task, dispatch, verdict }, kind, handler, refusals: 0 };
        let output = done.output_size();
        self.queue().push_back(done);
        self.unwritten.modify(|unwritten| {
            unwritten.count += 1;
            unwritten.output += output;
        });
    }

    /// Waits until there is room for the results of what is claimed next.
    pub(crate) async fn room(&self) {
        self.unwritten
            .wait_for(|unwritten| unwritten.count < COUNT_LIMIT && unwritten.output < OUTPUT_LIMIT)
            .await;
    }

    /// Waits until everything is written.
    pub(crate) async fn all_written(&self) {
        self.unwritten.wait_for(|unwritten| unwritten.count == 0).await;
    }

    /// Says of each result that is not written what it was, since the next pass can only say that its node is gone. What it printed is
    /// lost.
    pub(crate) async fn name_unwritten(&self) {
        // What a call that was just cut off had in hand comes back in an instant.
        for _ in 0..20 {
            if self.queue().len() + self.refused().len() >= self.unwritten.get().count {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        let (queue, refused) = (self.queue(), self.refused());
        let unwritten = queue.iter().chain(refused.iter()).map(|done| &done.report);
        for Report { task, dispatch, verdict } in unwritten.clone().take(NAMED_LIMIT) {
            match verdict {
                Verdict::HandedBack => {
                    tracing::error!(%task, %dispatch, "not reported: it was to be handed back; the next pass fails it");
                }
                Verdict::Ended(Ended { outcome, explanation, .. }) => tracing::error!(
                    %task, %dispatch, %outcome, explanation,
                    "not reported: the task has ended so, and the next pass fails it since its node is gone"
                ),
            }
        }
        let more = unwritten.count().saturating_sub(NAMED_LIMIT);
        if more > 0 {
            tracing::error!(more, "more results are not reported");
        }
    }

    /// Writes until told to stop.
    pub(crate) async fn write(
        &self,
        store: &dyn Work,
        handlers: &Handlers,
        options: &Options,
        stop: CancellationToken,
    ) {
        let mut backoff = Backoff::up_to(options.retry_cap);
        let mut hooks = HookCalls::default();
        loop {
            let refused = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.due() => true,
                () = self.some() => false,
            };
            let mut batch = if refused {
                Batch::of_refused(self)
            } else {
                if !options.report_linger.is_zero() && self.queue().len() < options.report_batch {
                    sleep(options.report_linger).await;
                }
                Batch::take(self, options.report_batch)
            };
            let written = batch.write(store, options).await;
            hooks.call(handlers, batch.endings());
            drop(batch);
            match written {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "results are not written yet, trying again");
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => break,
                        () = backoff.wait() => {}
                    }
                }
            }
        }
        hooks.end(options.cut_off).await;
    }

    /// Waits until one is in the queue.
    async fn some(&self) {
        self.unwritten.wait_for(|unwritten| unwritten.count > unwritten.refused).await;
    }

    /// Waits until those that were refused are to be tried again.
    async fn due(&self) {
        self.unwritten.wait_for(|unwritten| unwritten.refused > 0).await;
        let due = self.refused().due();
        tokio::time::sleep_until(due).await;
    }

    /// A panic while the lock is held leaves a queue that is whole all the same.
    fn queue(&self) -> MutexGuard<'_, VecDeque<Done>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same.
    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said of a task when the store takes nothing else.
const REFUSED: &str = "the store refused what its node reported of it";

impl Done {
    /// Leaves out what the store may have refused, more with each refusal; whether anything was left to leave out.
    fn shorten(&mut self) -> bool {
        if self.refusals > 2 {
            return false;
        }
        if let Verdict::Ended(ended) = &mut self.report.verdict {
            let printed = ended.output.take().is_some();
            if self.refusals > 1 {
                REFUSED.clone_into(&mut ended.explanation);
            } else if printed {
                ended.explanation.push_str(" (the store refused the output)");
            }
        }
        true
    }

    fn output_size(&self) -> usize {
        match &self.report.verdict {
            Verdict::Ended(Ended { output: Some(output), .. }) => output.text.len(),
            Verdict::Ended(_) | Verdict::HandedBack => 0,
        }
    }
}
