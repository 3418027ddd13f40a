//! A store as one life of a node sees it: behind a network that loses calls and answers, until the life is over.
//!
//! Every plan is audited before it is committed, with the snapshot that it was made from. What is reported and written goes
//! into the run's book, to be compared with what the store says in the end.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use control_plane::ports::{
    Claims, Commit, ControlPlaneId, Counts, Joined, Joining, Members, Membership, NodeStore, Order, Outbox,
    OutboxBatch, OutboxId, OutboxMessage, Pass, Passes, Reading, Report, Reported, Standing, Statistics,
    StoreError, Wake, Wakes, Wakeups, Work,
};
use scheduler_core::{DispatchId, Plan, Seconds, TaskId, audit};

use super::book::Book;
use super::life::{Held, Life, Lost};
use super::weather::Peer;

/// A store as one life sees it.
pub struct FaultyStore {
    inner: Arc<dyn NodeStore>,
    life: Arc<Life>,
    book: Arc<Book>,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("life", &self.life.name).finish_non_exhaustive()
    }
}

impl From<Lost> for StoreError {
    fn from(lost: Lost) -> Self {
        Self::Unavailable { context: "as simulated".into(), source: Box::new(lost) }
    }
}

impl FaultyStore {
    /// The store as this life sees it.
    #[must_use]
    pub fn new(inner: Arc<dyn NodeStore>, life: Arc<Life>, book: Arc<Book>) -> Self {
        Self { inner, life, book }
    }

    async fn call<T>(
        &self,
        place: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.life.call(Peer::Store, place, call).await?
    }
}

#[async_trait]
impl Passes for FaultyStore {
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError> {
        // Held before the answer can be lost: else the lock would be lost with it, and not with the life.
        let begun = async {
            let pass = self.inner.begin().await?;
            Ok(pass.map(|pass| self.life.hold(pass)))
        };
        let held = self.call("begin", begun).await?;
        let (life, book) = (Arc::clone(&self.life), Arc::clone(&self.book));
        Ok(held.map(|pass| Box::new(FaultyPass { pass, life, book }) as Box<dyn Pass>))
    }

    async fn read(&self) -> Result<Reading, StoreError> {
        self.call("look", self.inner.read()).await
    }
}

struct FaultyPass {
    pass: Held<Box<dyn Pass>>,
    life: Arc<Life>,
    book: Arc<Book>,
}

#[async_trait]
impl Pass for FaultyPass {
    async fn read(&mut self) -> Result<Reading, StoreError> {
        let reading = async {
            let mut pass = self.pass.take()?;
            pass.get().read().await
        };
        self.life.call(Peer::Store, "read", reading).await?
    }

    async fn commit(self: Box<Self>, reading: &Reading, plan: &Plan) -> Result<Commit, StoreError> {
        let violations = audit(&reading.snapshot, &reading.rules, plan);
        if !violations.is_empty() {
            self.book.broken(format!("a plan breaks the rules: {violations:?}"));
        }
        let commit = async { self.pass.take()?.consume().commit(reading, plan).await };
        self.life.call(Peer::Store, "commit", commit).await?
    }
}

#[async_trait]
impl Outbox for FaultyStore {
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError> {
        let taken = async {
            let batch = self.inner.unsent(limit).await?;
            let messages = batch.messages().to_vec();
            Ok((self.life.hold(batch), messages))
        };
        let (batch, messages) = self.call("unsent", taken).await?;
        Ok(Box::new(FaultyBatch { batch, messages, life: Arc::clone(&self.life) }))
    }
}

struct FaultyBatch {
    batch: Held<Box<dyn OutboxBatch>>,
    messages: Vec<OutboxMessage>,
    life: Arc<Life>,
}

#[async_trait]
impl OutboxBatch for FaultyBatch {
    fn messages(&self) -> &[OutboxMessage] {
        &self.messages
    }

    async fn settle(self: Box<Self>, sent: &[OutboxId]) -> Result<(), StoreError> {
        let settle = async { self.batch.take()?.consume().settle(sent).await };
        self.life.call(Peer::Store, "settle", settle).await?
    }
}

#[async_trait]
impl Work for FaultyStore {
    async fn claim(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Result<Claims, StoreError> {
        self.call("claim", self.inner.claim(by, dispatches)).await
    }

    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, StoreError> {
        let report = async {
            let answers = self.inner.report(reports).await?;
            for (report, answer) in reports.iter().zip(&answers) {
                if *answer == Reported::Written {
                    self.book.reported(report);
                }
            }
            Ok(answers)
        };
        self.call("report", report).await
    }

    async fn orders(&self, running: &[(TaskId, DispatchId)]) -> Result<Vec<(TaskId, Order)>, StoreError> {
        self.call("orders", self.inner.orders(running)).await
    }
}

#[async_trait]
impl Members for FaultyStore {
    async fn control_plane(&self) -> Result<ControlPlaneId, StoreError> {
        self.call("control plane", self.inner.control_plane()).await
    }

    async fn join(&self, node: &Joining) -> Result<Joined, StoreError> {
        self.call("join", self.inner.join(node)).await
    }

    async fn beat(&self, member: Membership) -> Result<Standing, StoreError> {
        self.call("beat", self.inner.beat(member)).await
    }

    async fn heartbeat_grace(&self) -> Result<Seconds, StoreError> {
        self.call("heartbeat grace", self.inner.heartbeat_grace()).await
    }

    async fn drain(&self, member: Membership) -> Result<(), StoreError> {
        self.call("drain", self.inner.drain(member)).await
    }

    async fn leave(&self, member: Membership) -> Result<(), StoreError> {
        self.call("leave", self.inner.leave(member)).await
    }
}

#[async_trait]
impl Wakes for FaultyStore {
    async fn wakeups(&self) -> Result<Box<dyn Wakeups>, StoreError> {
        let wakeups = self.call("wakeups", self.inner.wakeups()).await?;
        Ok(Box::new(FaultyWakeups { wakeups, life: Arc::clone(&self.life) }))
    }
}

struct FaultyWakeups {
    wakeups: Box<dyn Wakeups>,
    life: Arc<Life>,
}

#[async_trait]
impl Wakeups for FaultyWakeups {
    async fn next(&mut self) -> Result<Wake, StoreError> {
        loop {
            let wake = self.life.undisturbed(self.wakeups.next()).await?;
            // A wake-up is a hint, and hints get lost.
            let weather = &self.life.weather;
            if !weather.is_down(Peer::Store) && !weather.dice.happens(weather.faults().loss) {
                return Ok(wake);
            }
        }
    }
}

#[async_trait]
impl Counts for FaultyStore {
    async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.call("statistics", self.inner.statistics()).await
    }
}
