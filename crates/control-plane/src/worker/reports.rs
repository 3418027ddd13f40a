//! Results out: gathered, written in batches, and kept until the store has them.
//!
//! While one batch is being written, what ends meanwhile gathers for the next, so the size of batches follows the load by itself.
//! A report may be written twice without harm, since only the first counts, so a broken connection is answered by writing
//! again. As long as the process lives no result is lost. A report that the store refuses for its content is written
//! again without the output, then with a fixed explanation; refused once more it is given up, so that it holds up no other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scheduler_core::{DispatchId, Kind, TaskId};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::definition::HandlerName;
use crate::metrics;
use crate::options::Options;
use crate::ports::{Ended, Report, Reported, Store, StoreError, Verdict};
use crate::runner::{Ending, Handlers};
use crate::running::Running;
use crate::watched::Watched;

/// The reports that are not written yet.
#[derive(Debug)]
pub(crate) struct Reports {
    queue: Mutex<VecDeque<Done>>,
    /// How many are not written yet, those in the writer's hands included.
    unwritten: Watched<usize>,
    running: Arc<Running>,
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
        Self { queue: Mutex::default(), unwritten: Watched::new(0), running }
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
        self.lock().push_back(Done {
            report: Report { task, dispatch, verdict },
            kind,
            handler,
            refusals: 0,
        });
        self.unwritten.modify(|count| *count += 1);
    }

    /// Waits until fewer than this are unwritten.
    pub(crate) async fn backlog_below(&self, limit: usize) {
        self.unwritten.wait_for(|count| *count < limit).await;
    }

    /// Writes until told to stop.
    pub(crate) async fn write(
        &self,
        store: &dyn Store,
        handlers: &Handlers,
        options: &Options,
        stop: CancellationToken,
    ) {
        let mut backoff = Backoff::up_to(options.retry_cap);
        let mut hooks = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.some() => {}
            }
            if !options.report_linger.is_zero() && self.lock().len() < options.report_batch {
                sleep(options.report_linger).await;
            }
            let mut batch = Batch::take(self, options.report_batch);
            match batch.write(store).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "results are not written yet, trying again");
                    drop(batch);
                    backoff.wait().await;
                    continue;
                }
            }
            for ending in batch.endings.drain(..) {
                call_hooks(&mut hooks, handlers, ending);
            }
            while let Some(done) = hooks.try_join_next() {
                look_at(done);
            }
        }
        let last = async {
            while let Some(done) = hooks.join_next().await {
                look_at(done);
            }
        };
        if timeout(options.cut_off, last).await.is_err() {
            tracing::warn!("hooks did not end in time and are cut off");
        }
    }

    /// Waits until one is in the queue.
    async fn some(&self) {
        self.unwritten.wait_for(|count| *count > 0).await;
    }

    /// A panic while the lock is held leaves a queue that is whole all the same.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Done>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much output one transaction carries at most, in bytes.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// Reports in the writer's hands. Those that are not written when it is dropped, however that comes, go back to the queue.
struct Batch<'a> {
    reports: &'a Reports,
    unwritten: VecDeque<Done>,
    endings: Vec<Ending>,
}

impl<'a> Batch<'a> {
    fn take(reports: &'a Reports, limit: usize) -> Self {
        let mut queue = reports.lock();
        let mut unwritten = VecDeque::new();
        let mut size = 0;
        while unwritten.len() < limit.max(1) && size < OUTPUT_LIMIT {
            let Some(done) = queue.pop_front() else { break };
            size += done.output_size();
            unwritten.push_back(done);
        }
        Self { reports, unwritten, endings: Vec::new() }
    }

    /// Writes them all; when the store cannot do that whatever the connection, one by one.
    async fn write(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let reports: Vec<Report> = self.unwritten.iter().map(|done| done.report.clone()).collect();
        match store.report(&reports).await {
            Ok(answers) => {
                for answer in answers {
                    self.settle(answer);
                }
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) if self.unwritten.len() > 1 => {
                tracing::warn!(error = %Chain(&error), "the results are refused together, writing one by one");
                self.write_each(store).await
            }
            Err(error) => {
                self.refuse(&error);
                Err(error)
            }
        }
    }

    async fn write_each(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let mut refused = None;
        for _ in 0..self.unwritten.len() {
            let Some(report) = self.unwritten.front().map(|done| done.report.clone()) else { break };
            match store.report(std::slice::from_ref(&report)).await {
                Ok(answers) => self.settle(answers.first().copied().unwrap_or(Reported::Void)),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    self.refuse(&error);
                    refused = Some(error);
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// The first one is answered.
    fn settle(&mut self, answer: Reported) {
        let Some(done) = self.unwritten.pop_front() else { return };
        let (task, dispatch) = (done.report.task, done.report.dispatch);
        metrics::reported(&done.report.verdict, answer);
        self.release((task, dispatch));
        match (answer, done.report.verdict) {
            (Reported::Void, _) => tracing::debug!(%task, %dispatch, "the task is not ours any more"),
            (Reported::Written, Verdict::HandedBack) => tracing::info!(%task, %dispatch, "handed back"),
            (Reported::Written, Verdict::Ended(Ended { outcome, explanation, .. })) => {
                tracing::debug!(%task, %dispatch, %outcome, "ended");
                let (kind, handler) = (done.kind, done.handler);
                self.endings.push(Ending { task, dispatch, kind, handler, outcome, explanation });
            }
        }
    }

    /// The store refuses the first one for its content. The outcome matters most, so what the store may not like is left out
    /// next time; with nothing left to leave out it is given up. Else it becomes the last one.
    fn refuse(&mut self, error: &StoreError) {
        let Some(mut done) = self.unwritten.pop_front() else { return };
        let (task, dispatch) = (done.report.task, done.report.dispatch);
        done.refusals += 1;
        tracing::error!(%task, %dispatch, error = %Chain(error), "the result is refused");
        if done.shorten() {
            return self.unwritten.push_back(done);
        }
        tracing::error!(
            %task, %dispatch,
            "the result is given up: the store shows the task as running until this node starts anew or leaves"
        );
        metrics::report_given_up();
        self.release((task, dispatch));
    }

    /// Nothing is left to write for this one.
    fn release(&self, key: (TaskId, DispatchId)) {
        self.reports.running.release(key);
        self.reports.unwritten.modify(|count| *count = count.saturating_sub(1));
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut queue = self.reports.lock();
        while let Some(done) = self.unwritten.pop_back() {
            queue.push_front(done);
        }
    }
}

/// What is said of a task when the store takes nothing else.
const REFUSED: &str = "the store refused what its node reported of it";

impl Done {
    /// Leaves out what the store may have refused, more with each refusal; whether it is worth another try.
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

fn look_at(hooks: Result<(), JoinError>) {
    if hooks.is_err_and(|error| error.is_panic()) {
        tracing::error!("a hook panicked");
    }
}

/// Each end of a task has an asynchronous task of its own for its hooks, so that one that is slow or panics touches no other.
fn call_hooks(hooks: &mut JoinSet<()>, handlers: &Handlers, ending: Ending) {
    let told: Vec<_> = handlers.hooks(ending.outcome).to_vec();
    if told.is_empty() {
        return;
    }
    hooks.spawn(async move {
        for hook in told {
            hook.call(ending.clone()).await;
        }
    });
}
