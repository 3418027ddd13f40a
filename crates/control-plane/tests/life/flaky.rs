//! A store that fails where it is told to.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use async_trait::async_trait;
use control_plane::MemoryStore;
use control_plane::ports::{
    Claims, ControlPlaneId, Counts, Joined, Joining, Members, Membership, Order, Outbox, OutboxBatch, Pass,
    Passes, Reading, Report, Reported, Standing, Statistics, StoreError, Verdict, Wakes, Wakeups, Work,
};
use scheduler_core::{DispatchId, Seconds, TaskId};

/// A store in memory behind a bad connection, with what a node needs and no more: it can neither launch nor look nor purge.
#[derive(Debug)]
pub(crate) struct Flaky {
    pub(crate) inner: MemoryStore,
    /// It cannot be reached.
    pub(crate) down: AtomicBool,
    /// Nobody hears wake-ups.
    pub(crate) deaf: AtomicBool,
    /// So many claims are made, and their answers lost.
    pub(crate) lost_claims: AtomicU32,
    /// So many reports are written, and their answers lost.
    pub(crate) lost_reports: AtomicU32,
    /// So many beginnings of passes fail.
    pub(crate) lost_passes: AtomicU32,
    /// The reports of tasks of this id and above are refused: so many, counted.
    pub(crate) refuses_from: AtomicI64,
    /// Somebody keeps the row of this task.
    pub(crate) kept: AtomicI64,
    /// Calls get no answer, as if the connection were frozen.
    pub(crate) frozen: AtomicBool,
    pub(crate) refused: AtomicU32,
    /// Explanations other than the one that says of a refusal are refused.
    pub(crate) refuses_explanations: AtomicBool,
    /// Outputs are refused.
    pub(crate) refuses_output: AtomicBool,
}

impl Flaky {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            down: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            lost_claims: AtomicU32::new(0),
            lost_reports: AtomicU32::new(0),
            lost_passes: AtomicU32::new(0),
            refuses_from: AtomicI64::new(i64::MAX),
            kept: AtomicI64::new(i64::MAX),
            frozen: AtomicBool::new(false),
            refused: AtomicU32::new(0),
            refuses_explanations: AtomicBool::new(false),
            refuses_output: AtomicBool::new(false),
        }
    }

    /// Nothing is done while it is down.
    fn reach(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::Relaxed) { Err(lost()) } else { Ok(()) }
    }

    fn keeps(&self, task: TaskId) -> bool {
        self.kept.load(Ordering::Relaxed) == task.get()
    }

    /// A call that was begun while it is frozen is never answered.
    async fn thaw(&self) {
        if self.frozen.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

fn kept() -> StoreError {
    StoreError::Kept("on purpose".into())
}

fn lost() -> StoreError {
    StoreError::Unavailable { context: "on purpose".into(), source: "the connection broke".into() }
}

/// Whether one more is to be lost.
fn loses(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl Work for Flaky {
    async fn claim(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Result<Claims, StoreError> {
        self.reach()?;
        self.thaw().await;
        if dispatches.iter().any(|(task, _)| self.keeps(*task)) {
            return Err(kept());
        }
        let claimed = self.inner.claim(by, dispatches).await;
        if loses(&self.lost_claims) { Err(lost()) } else { claimed }
    }

    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, StoreError> {
        self.reach()?;
        self.thaw().await;
        if reports.iter().any(|report| self.keeps(report.task)) {
            return Err(kept());
        }
        let printed =
            |report: &Report| matches!(&report.verdict, Verdict::Ended(ended) if ended.output.is_some());
        if self.refuses_output.load(Ordering::Relaxed) && reports.iter().any(printed) {
            return Err(StoreError::Refused("no room for output".into()));
        }
        let explained = |report: &Report| {
            matches!(&report.verdict, Verdict::Ended(ended)
                if !ended.explanation.is_empty() && !ended.explanation.starts_with("the store refused"))
        };
        if self.refuses_explanations.load(Ordering::Relaxed) && reports.iter().any(explained) {
            return Err(StoreError::Refused("no room for explanations".into()));
        }
        let from = self.refuses_from.load(Ordering::Relaxed);
        if reports.iter().any(|report| report.task.get() >= from) {
            self.refused.fetch_add(u32::from(reports.len() == 1), Ordering::Relaxed);
            return Err(StoreError::Refused("not this one".into()));
        }
        let reported = self.inner.report(reports).await;
        if loses(&self.lost_reports) { Err(lost()) } else { reported }
    }

    async fn orders(&self, running: &[(TaskId, DispatchId)]) -> Result<Vec<(TaskId, Order)>, StoreError> {
        self.reach()?;
        self.inner.orders(running).await
    }
}

#[async_trait]
impl Wakes for Flaky {
    async fn wakeups(&self) -> Result<Box<dyn Wakeups>, StoreError> {
        if self.deaf.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.inner.wakeups().await
    }
}

#[async_trait]
impl Passes for Flaky {
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError> {
        self.reach()?;
        if loses(&self.lost_passes) { Err(lost()) } else { self.inner.begin().await }
    }

    async fn read(&self) -> Result<Reading, StoreError> {
        Passes::read(&self.inner).await
    }
}

#[async_trait]
impl Outbox for Flaky {
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError> {
        self.reach()?;
        self.inner.unsent(limit).await
    }
}

#[async_trait]
impl Members for Flaky {
    async fn control_plane(&self) -> Result<ControlPlaneId, StoreError> {
        self.reach()?;
        self.inner.control_plane().await
    }

    async fn join(&self, node: &Joining) -> Result<Joined, StoreError> {
        self.reach()?;
        self.inner.join(node).await
    }

    async fn beat(&self, member: Membership) -> Result<Standing, StoreError> {
        self.reach()?;
        self.inner.beat(member).await
    }

    async fn heartbeat_grace(&self) -> Result<Seconds, StoreError> {
        self.reach()?;
        self.inner.heartbeat_grace().await
    }

    async fn drain(&self, member: Membership) -> Result<(), StoreError> {
        self.reach()?;
        self.inner.drain(member).await
    }

    async fn leave(&self, member: Membership) -> Result<(), StoreError> {
        self.reach()?;
        self.inner.leave(member).await
    }
}

#[async_trait]
impl Counts for Flaky {
    async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.inner.statistics().await
    }
}
