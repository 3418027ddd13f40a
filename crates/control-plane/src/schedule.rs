//! One call of `schedule()`: lock, read, plan, commit (R12.1, R12.3).
//!
//! May be called anywhere, any number of times, in parallel: the store's one lock makes passes take turns, and whoever
//! does not get it is told "busy" at once. Nothing is carried from one call to the next. A call runs further passes while the plan says
//! that another should follow at once, or while a row changed under the plan, up to a bounded number.
//!
//! A node withholds a plan that fails tasks for the silence of their nodes while its own contact with the store is fresh: after
//! the store was away all heartbeats are old, and healthy nodes need a moment to be heard again (R8.1). A store's clock that was set
//! forward makes them look old without that: then they count as if it had been set so before.
//!
//! A pass costs one read of the store's unfinished rows and one transaction; the plan between them costs well below a
//! microsecond a task, and moves to a thread for blocking work when there are thousands.

mod report;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use scheduler_core::{End, Loss, Plan, audit, plan};
use tokio::time::Instant;

pub use report::{PassReport, PhaseDurations, Scheduled};

use crate::contact::Contact;
use crate::metrics::{self, PassResult, Phase};
use crate::options::Options;
use crate::ports::{Commit, Committed, Pass, Passes, Reading, StoreError};
use crate::signal::Signal;

/// Runs passes.
#[derive(Clone, Debug)]
pub struct Scheduler {
    store: Arc<dyn Passes>,
    options: Options,
    rewriter: Option<Arc<dyn Rewriter>>,
    observer: Option<Arc<dyn PassObserver>>,
    relay: Signal,
    contact: Option<Arc<Contact>>,
}

/// Rewrites what a pass has read before it is planned: to let tasks wait, to move priorities, to narrow what machines may take.
///
/// Called in the pass, off the runtime's threads when the snapshot is large. The pass, its audit, its commit and its observers go by what
/// it leaves. Ids, states and requests to cancel guard the commit (R12.3): whatever is made of them, no row is written that is not in the
/// state that the plan was made for. It is this node's own: give the same to every node that makes passes, and know that who asks the
/// store itself why a task waits is told without it.
pub trait Rewriter: fmt::Debug + Send + Sync {
    /// Changes it in place.
    fn rewrite(&self, reading: &mut Reading);
}

/// Sees every pass: for audits, simulations and metrics of one's own. Called in the pass, so it should be quick.
pub trait PassObserver: fmt::Debug + Send + Sync {
    /// A plan is made and will be committed next.
    fn planned(&self, _reading: &Reading, _plan: &Plan) {}

    /// The store took the plan, or refused it as stale.
    fn committed(&self, _reading: &Reading, _plan: &Plan, _commit: &Commit) {}
}

/// Why a pass was not made. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan breaks the rules: a fault of this program, found by the audit before anything was written.
    #[error("the plan was refused: it breaks {count} rules, first {first}")]
    Audit {
        /// How many violations there are.
        count: usize,
        /// The first of them, with the number of its rule.
        first: String,
    },
    /// Planning panicked: a fault of this program.
    #[error(
        "planning panicked; the snapshot is kept by the store: take it with `scheduler snapshot` and report it"
    )]
    Panicked,
}

impl Scheduler {
    /// A scheduler on this store.
    #[must_use]
    pub fn new(store: Arc<dyn Passes>, options: Options) -> Self {
        Self { store, options, rewriter: None, observer: None, relay: Signal::default(), contact: None }
    }

    /// Plans from what this makes of what was read.
    #[must_use]
    pub fn rewritten_by(mut self, rewriter: Arc<dyn Rewriter>) -> Self {
        self.rewriter = Some(rewriter);
        self
    }

    /// Shows every pass to this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn PassObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Wakes this relay when there is something to send, without the way through the store.
    #[must_use]
    pub fn waking(mut self, relay: Signal) -> Self {
        self.relay = relay;
        self
    }

    /// Reaps nobody for silence while this node's own contact with the store is fresh.
    #[must_use]
    pub(crate) fn trusting(mut self, contact: Arc<Contact>) -> Self {
        self.contact = Some(contact);
        self
    }

    /// Tries the lock and, with it, runs passes while they ask for more (R12.1). When the rounds are used up first, the
    /// report says that more is left.
    pub async fn schedule(&self) -> Result<Scheduled, ScheduleError> {
        let mut report = PassReport::default();
        for round in 0..self.options.rounds.max(1) {
            match self.pass(&mut report).await {
                Ok(None) if round == 0 => {
                    metrics::pass(PassResult::Busy);
                    return Ok(Scheduled::Busy);
                }
                // Whoever took the lock reads what the passes of this call have written.
                Ok(None | Some(ControlFlow::Break(()))) => {
                    report.more = false;
                    break;
                }
                Ok(Some(ControlFlow::Continue(()))) => report.more = true,
                Err(error) => {
                    metrics::pass(PassResult::Error);
                    return Err(error);
                }
            }
        }
        Ok(Scheduled::Ran(report))
    }

    /// One pass; `None` without the lock, `Continue` when another should follow at once.
    async fn pass(&self, report: &mut PassReport) -> Result<Option<ControlFlow<()>>, ScheduleError> {
        let Some(mut pass) = self.store.begin().await? else { return Ok(None) };
        let began = Instant::now();
        let mut reading = pass.read().await?;
        report.durations.add(Phase::Read, began.elapsed());
        if let Some(contact) = &self.contact {
            contact.looked(began, reading.snapshot.now);
            for instance in &mut reading.snapshot.instances {
                instance.last_heartbeat = instance.last_heartbeat.map(|stamp| contact.heard_at(stamp));
            }
        }
        let (reading, plan) = self.decide(reading, report).await?;
        if self.contact.as_ref().is_some_and(|contact| !contact.is_settled()) && reaps_for_silence(&plan) {
            tracing::info!("nodes are silent, but the store may have been away: they get time to be heard");
            report.withheld = true;
            return Ok(Some(ControlFlow::Break(())));
        }
        if let Some(observer) = &self.observer {
            observer.planned(&reading, &plan);
        }
        let commit = self.commit(pass, &reading, &plan, report).await?;
        if let Some(observer) = &self.observer {
            observer.committed(&reading, &plan, &commit);
        }
        Ok(Some(self.conclude(&reading, &plan, &commit, report)))
    }

    /// Plans, and audits if told to; beside the other loops when the snapshot is large.
    async fn decide(
        &self,
        mut reading: Reading,
        report: &mut PassReport,
    ) -> Result<(Reading, Plan), ScheduleError> {
        let audited = self.options.audit;
        let rewriter = self.rewriter.clone();
        let (reading, decided) = if reading.snapshot.tasks.len() <= self.options.inline_tasks {
            let decided = Decided::of(&mut reading, rewriter.as_deref(), audited);
            (reading, decided)
        } else {
            tokio::task::spawn_blocking(move || {
                let decided = Decided::of(&mut reading, rewriter.as_deref(), audited);
                (reading, decided)
            })
            .await
            .map_err(|_| ScheduleError::Panicked)?
        };
        report.durations.add(Phase::Plan, decided.planning);
        report.durations.add(Phase::Audit, decided.auditing);
        match decided.plan {
            Ok(plan) => Ok((reading, plan)),
            Err(violations) => {
                for violation in &violations {
                    tracing::error!(%violation, "the plan breaks a rule and is refused");
                }
                metrics::violations(violations.len());
                let first = violations.first().cloned().unwrap_or_default();
                Err(ScheduleError::Audit { count: violations.len(), first })
            }
        }
    }

    /// Writes the plan. One without a single decision has nothing to write, not even a reason.
    async fn commit(
        &self,
        pass: Box<dyn Pass>,
        reading: &Reading,
        plan: &Plan,
        report: &mut PassReport,
    ) -> Result<Commit, StoreError> {
        if plan.is_idle() && plan.decisions.is_empty() {
            return Ok(Commit::Done(Committed::default()));
        }
        let began = Instant::now();
        let commit = pass.commit(reading, plan).await?;
        report.durations.add(Phase::Commit, began.elapsed());
        Ok(commit)
    }

    fn conclude(
        &self,
        reading: &Reading,
        plan: &Plan,
        commit: &Commit,
        report: &mut PassReport,
    ) -> ControlFlow<()> {
        match commit {
            Commit::Stale { task } => {
                tracing::debug!(%task, "the task changed under the plan, which is made anew");
                metrics::pass(PassResult::Stale);
                report.stale += 1;
                ControlFlow::Continue(())
            }
            Commit::Done(committed) => {
                metrics::committed(reading.snapshot.now, plan, committed);
                report.count(plan, committed);
                if committed.dispatched > 0 {
                    self.relay.request();
                }
                if asks_for_more(plan, committed) {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            }
        }
    }
}

/// Whether another pass should follow at once. What somebody keeps would be asked for by each pass anew: it waits for the next event or
/// period, unless something else was written.
fn asks_for_more(plan: &Plan, committed: &Committed) -> bool {
    let wrote = || {
        committed.created.iter().any(Option::is_some)
            || committed.decided(plan).any(|decision| decision.action.changes_something())
    };
    plan.more && (committed.kept.is_empty() || wrote())
}

/// Whether it fails something because its node was not heard for long (R8.1). One that has left or was removed is no such case.
fn reaps_for_silence(plan: &Plan) -> bool {
    plan.decisions.iter().any(|decision| {
        matches!(
            decision.action.end(),
            Some(End::InstanceLost { loss: Loss::Silent { last_heartbeat: Some(_) }, .. })
        )
    })
}

/// A plan, or the violations that it has, in words; and what making it took.
struct Decided {
    plan: Result<Plan, Vec<String>>,
    planning: Duration,
    auditing: Duration,
}

impl Decided {
    fn of(reading: &mut Reading, rewriter: Option<&dyn Rewriter>, audited: bool) -> Self {
        if let Some(rewriter) = rewriter {
            rewriter.rewrite(reading);
        }
        let began = Instant::now();
        let made = plan(&reading.snapshot, &reading.rules);
        let planning = began.elapsed();
        let violations = if audited { audit(&reading.snapshot, &reading.rules, &made) } else { Vec::new() };
        let auditing = began.elapsed().saturating_sub(planning);
        let plan = if violations.is_empty() {
            Ok(made)
        } else {
            Err(violations.iter().map(ToString::to_string).collect())
        };
        Self { plan, planning, auditing }
    }
}
