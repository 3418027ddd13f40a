//! A store of one's own around that in memory, with one flaw at most, and nothing but what nodes need.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conformance::{StoreFixture, store};
use control_plane::MemoryStore;
use control_plane::ports::{
    Claims, Commit, ControlPlaneId, Counts, Joined, Joining, Members, Membership, Order, Outbox, OutboxBatch,
    OutboxId, OutboxMessage, Pass, Passes, Reading, Report, Reported, Standing, Statistics, StoreError,
    SystemClock, Wakes, Wakeups, Work,
};
use scheduler_core::{DispatchId, Plan, Seconds, State, TaskId, Timestamp};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Lets two passes begin at a time.
    NoLock,
    /// Reads once and shows that for ever.
    OldReading,
    /// Says of no start that it was left out.
    SkipsInSilence,
    /// Gives a task to whoever names it, whatever the dispatch.
    NoFence,
    /// Takes any report for written.
    TakesAnyReport,
    /// Tells no worker to stop anything.
    NoOrders,
    /// Forgets messages that were not sent.
    LosesMessages,
    /// Takes every process for a member.
    NoLives,
}

#[derive(Clone, Debug)]
struct Flawed {
    inner: MemoryStore,
    flaw: Flaw,
    first: Arc<Mutex<Option<Reading>>>,
}

impl Flawed {
    fn remembered(&self, reading: Reading) -> Reading {
        if self.flaw != Flaw::OldReading {
            return reading;
        }
        self.first.lock().unwrap().get_or_insert(reading).clone()
    }
}

fn fixture(flaw: Flaw) -> StoreFixture {
    let inner = MemoryStore::new(Arc::new(SystemClock));
    let store = Flawed { inner: inner.clone(), flaw, first: Arc::default() };
    StoreFixture::of_node_store(Arc::new(store), Arc::new(inner))
}

#[async_trait]
impl Passes for Flawed {
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError> {
        let pass = self.inner.begin().await?;
        if pass.is_none() && self.flaw != Flaw::NoLock {
            return Ok(None);
        }
        Ok(Some(Box::new(FlawedPass { pass, store: self.clone() })))
    }

    async fn read(&self) -> Result<Reading, StoreError> {
        self.inner.read().await
    }
}

struct FlawedPass {
    /// Without it, the pass has no lock.
    pass: Option<Box<dyn Pass>>,
    store: Flawed,
}

#[async_trait]
impl Pass for FlawedPass {
    async fn read(&mut self) -> Result<Reading, StoreError> {
        let reading = match &mut self.pass {
            Some(pass) => pass.read().await?,
            None => self.store.inner.read().await?,
        };
        Ok(self.store.remembered(reading))
    }

    async fn commit(self: Box<Self>, reading: &Reading, plan: &Plan) -> Result<Commit, StoreError> {
        let mut pass = self.pass;
        let pass = loop {
            match pass {
                Some(pass) => break pass,
                None => pass = self.store.inner.begin().await?,
            }
            tokio::task::yield_now().await;
        };
        let mut commit = pass.commit(reading, plan).await?;
        if let (Flaw::SkipsInSilence, Commit::Done(done)) = (self.store.flaw, &mut commit) {
            done.skipped.clear();
        }
        Ok(commit)
    }
}

#[async_trait]
impl Outbox for Flawed {
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError> {
        let batch = self.inner.unsent(limit).await?;
        Ok(if self.flaw == Flaw::LosesMessages { Box::new(LosingBatch(batch)) } else { batch })
    }
}

struct LosingBatch(Box<dyn OutboxBatch>);

#[async_trait]
impl OutboxBatch for LosingBatch {
    fn messages(&self) -> &[OutboxMessage] {
        self.0.messages()
    }

    async fn settle(self: Box<Self>, _sent: &[OutboxId]) -> Result<(), StoreError> {
        let all: Vec<OutboxId> = self.0.messages().iter().map(|message| message.id).collect();
        self.0.settle(&all).await
    }
}

#[async_trait]
impl Work for Flawed {
    async fn claim(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Result<Claims, StoreError> {
        let mut dispatches = dispatches.to_vec();
        if self.flaw == Flaw::NoFence {
            let tasks = self.inner.read().await?.snapshot.tasks;
            for (task, dispatch) in &mut dispatches {
                if let Some(State::Waiting(now)) =
                    tasks.iter().find(|row| row.id == *task).map(|row| &row.state)
                {
                    *dispatch = now.id;
                }
            }
        }
        self.inner.claim(by, &dispatches).await
    }

    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, StoreError> {
        let answers = self.inner.report(reports).await?;
        Ok(if self.flaw == Flaw::TakesAnyReport { vec![Reported::Written; answers.len()] } else { answers })
    }

    async fn orders(&self, running: &[(TaskId, DispatchId)]) -> Result<Vec<(TaskId, Order)>, StoreError> {
        if self.flaw == Flaw::NoOrders { Ok(Vec::new()) } else { self.inner.orders(running).await }
    }
}

#[async_trait]
impl Members for Flawed {
    async fn control_plane(&self) -> Result<ControlPlaneId, StoreError> {
        self.inner.control_plane().await
    }

    async fn join(&self, node: &Joining) -> Result<Joined, StoreError> {
        self.inner.join(node).await
    }

    async fn beat(&self, member: Membership) -> Result<Standing, StoreError> {
        let standing = self.inner.beat(member).await?;
        Ok(match standing {
            Standing::Replaced if self.flaw == Flaw::NoLives => {
                Standing::Member { now: Timestamp::UNIX_EPOCH }
            }
            standing => standing,
        })
    }

    async fn heartbeat_grace(&self) -> Result<Seconds, StoreError> {
        self.inner.heartbeat_grace().await
    }

    async fn drain(&self, member: Membership) -> Result<(), StoreError> {
        self.inner.drain(member).await
    }

    async fn leave(&self, member: Membership) -> Result<(), StoreError> {
        self.inner.leave(member).await
    }
}

#[async_trait]
impl Wakes for Flawed {
    async fn wakeups(&self) -> Result<Box<dyn Wakeups>, StoreError> {
        self.inner.wakeups().await
    }
}

#[async_trait]
impl Counts for Flawed {
    async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.inner.statistics().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_the_ports_of_nodes_alone_passes() {
    assert_eq!(super::broken(store::PROMISES, || fixture(Flaw::None)).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_flaw_of_a_store_is_found() {
    let flaws: [(Flaw, &'static [&str]); 8] = [
        (Flaw::NoLock, &["r12_1_a_second_pass_finds_the_lock_taken", "r12_1_racing_passes_take_turns"]),
        (Flaw::OldReading, &["r12_3_a_pass_sees_what_the_last_one_wrote"]),
        (Flaw::SkipsInSilence, &["r12_3_a_start_that_was_canceled_meanwhile_is_left_out"]),
        (Flaw::NoFence, &["r12_4_only_the_right_dispatch_takes"]),
        (Flaw::TakesAnyReport, &["r12_4_a_report_is_fenced_and_may_be_repeated"]),
        (Flaw::NoOrders, &["r8_3_the_worker_of_a_canceled_task_is_told"]),
        (Flaw::LosesMessages, &["r12_4_what_was_not_sent_rests_and_comes_again"]),
        (Flaw::NoLives, &["each_life_of_a_node_is_a_new_incarnation"]),
    ];
    let found = flaws
        .map(|(flaw, expected)| tokio::spawn(super::finds(store::PROMISES, move || fixture(flaw), expected)));
    for found in found {
        found.await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_promise_says_what_was_found_and_what_was_expected() {
    let fence =
        store::PROMISES.iter().find(|promise| promise.name() == "r12_4_only_the_right_dispatch_takes");
    let words = fence.unwrap().check(fixture(Flaw::NoFence)).await.unwrap_err().to_string();
    assert!(words.starts_with("not kept: \"only the right dispatch takes\" (R12.4)"), "{words}");
    assert!(words.contains("left: Run(") && words.contains("right: Void"), "{words}");
}
