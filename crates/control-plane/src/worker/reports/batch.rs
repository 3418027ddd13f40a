//! Reports in the writer's hands: written together, or one by one where the store cannot do that.

use std::collections::VecDeque;

use super::{Done, Reports};
use crate::chain::Chain;
use crate::limit::within;
use crate::metrics;
use crate::options::Options;
use crate::ports::{Ended, Order, Report, Reported, StoreError, Verdict, Work};
use crate::runner::Ending;

/// How much output one transaction carries at most, in bytes.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// Reports in the writer's hands. Those that are not written when it is dropped, however that comes, go back to where they came from.
pub(super) struct Batch<'a> {
    reports: &'a Reports,
    unwritten: VecDeque<Done>,
    endings: Vec<Ending>,
    /// They were refused, as bare as they can be.
    refused: bool,
    /// Whether the store has answered for one of them.
    settled: bool,
}

impl<'a> Batch<'a> {
    /// The first ones of the queue.
    pub(super) fn take(reports: &'a Reports, limit: usize) -> Self {
        let mut queue = reports.queue();
        let mut unwritten = VecDeque::new();
        let mut size = 0;
        while unwritten.len() < limit.max(1) && size < OUTPUT_LIMIT {
            let Some(done) = queue.pop_front() else { break };
            size += done.output_size();
            unwritten.push_back(done);
        }
        Self { reports, unwritten, endings: Vec::new(), refused: false, settled: false }
    }

    /// Some that were refused before.
    pub(super) fn of_refused(reports: &'a Reports) -> Self {
        let unwritten = reports.refused().take();
        Self { reports, unwritten, endings: Vec::new(), refused: true, settled: false }
    }

    /// Writes them all. An error says that some wait to be written again soon.
    pub(super) async fn write(&mut self, store: &dyn Work, options: &Options) -> Result<(), StoreError> {
        if self.refused {
            self.forget_lost(store, options).await?;
            return self.write_each(store, options).await;
        }
        let reports: Vec<Report> = self.unwritten.iter().map(|done| done.report.clone()).collect();
        match within(options.call_limit, store.report(&reports)).await {
            Ok(answers) => {
                for answer in answers {
                    self.settle(answer);
                }
                Ok(())
            }
            Err(error) if !error.is_of_single_rows() => Err(error),
            Err(error) => {
                if self.unwritten.len() > 1 {
                    tracing::warn!(error = %Chain(&error), "the results cannot be written together, writing one by one");
                }
                self.write_each(store, options).await
            }
        }
    }

    /// What ended, of what was written.
    pub(super) fn endings(&mut self) -> impl Iterator<Item = Ending> + '_ {
        self.endings.drain(..)
    }

    /// Forgets those whose tasks are not ours any more: a store that refuses a report cannot answer it with that.
    async fn forget_lost(&mut self, store: &dyn Work, options: &Options) -> Result<(), StoreError> {
        let keys: Vec<_> =
            self.unwritten.iter().map(|done| (done.report.task, done.report.dispatch)).collect();
        let orders = match within(options.call_limit, store.orders(&keys)).await {
            Ok(orders) => orders,
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => return Ok(()),
        };
        for _ in 0..self.unwritten.len() {
            let Some(done) = self.unwritten.pop_front() else { break };
            let lost =
                orders.iter().any(|&(task, order)| task == done.report.task && order == Order::Abandon);
            self.unwritten.push_front(done);
            if lost {
                self.settle(Reported::Void);
            } else {
                self.unwritten.rotate_left(1);
            }
        }
        Ok(())
    }

    async fn write_each(&mut self, store: &dyn Work, options: &Options) -> Result<(), StoreError> {
        let (mut refused, mut kept) = (None, None);
        for _ in 0..self.unwritten.len() {
            let Some(report) = self.unwritten.front().map(|done| done.report.clone()) else { break };
            match within(options.call_limit, store.report(std::slice::from_ref(&report))).await {
                Ok(answers) => self.settle(answers.first().copied().unwrap_or(Reported::Void)),
                Err(error @ StoreError::Kept(_)) => {
                    self.pass_over();
                    kept = Some(error);
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    self.refuse(&error);
                    refused = Some(error);
                }
            }
        }
        // What was refused for good has a time of its own.
        kept.or(refused.filter(|_| !self.refused && !self.unwritten.is_empty())).map_or(Ok(()), Err)
    }

    /// Somebody keeps the row of the first one: it goes behind all that wait, so that they are not held up by it.
    fn pass_over(&mut self) {
        let Some(done) = self.unwritten.pop_front() else { return };
        if self.refused {
            return self.unwritten.push_back(done);
        }
        tracing::debug!(task = %done.report.task, "somebody keeps its row: it is reported later");
        self.reports.queue().push_back(done);
    }

    /// The first one is answered.
    fn settle(&mut self, answer: Reported) {
        let Some(done) = self.unwritten.pop_front() else { return };
        self.settled = true;
        let (task, dispatch) = (done.report.task, done.report.dispatch);
        metrics::reported(&done.report.verdict, answer);
        self.reports.running.release((task, dispatch));
        let (output, refused) = (done.output_size(), usize::from(self.refused));
        self.reports.unwritten.modify(|unwritten| {
            unwritten.count = unwritten.count.saturating_sub(1);
            unwritten.refused = unwritten.refused.saturating_sub(refused);
            unwritten.output = unwritten.output.saturating_sub(output);
        });
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
    /// next time: it becomes the last one. With nothing left to leave out it waits beside the others from then on.
    fn refuse(&mut self, error: &StoreError) {
        let Some(mut done) = self.unwritten.pop_front() else { return };
        let (task, dispatch) = (done.report.task, done.report.dispatch);
        metrics::report_refused();
        if self.refused {
            tracing::debug!(%task, %dispatch, error = %Chain(error), "the outcome is refused again");
            return self.unwritten.push_back(done);
        }
        done.refusals += 1;
        tracing::error!(%task, %dispatch, error = %Chain(error), "the result is refused");
        let output = done.output_size();
        let shorter = done.shorten();
        let left = done.output_size();
        self.reports.unwritten.modify(|unwritten| {
            unwritten.output = unwritten.output.saturating_sub(output - left);
            unwritten.refused += usize::from(!shorter);
        });
        if shorter {
            return self.unwritten.push_back(done);
        }
        tracing::error!(%task, %dispatch, "the bare outcome is refused too: it is tried until the store takes it");
        self.reports.refused().add(done);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.refused {
            let unwritten = std::mem::take(&mut self.unwritten);
            return self.reports.refused().put_back(unwritten, self.settled);
        }
        let mut queue = self.reports.queue();
        while let Some(done) = self.unwritten.pop_back() {
            queue.push_front(done);
        }
    }
}
