//! A whole cluster in virtual time, with everything that can go wrong, from one seed.
//!
//! Three nodes run the real loops on the store and the broker in memory, behind a network that loses calls and answers,
//! delays them, and repeats, misdirects and loses messages. Nodes die at any await, freeze, stop in good order and come back, and
//! second processes start under their names; both servers have outages, and the store's clock is set forward. Meanwhile people launch, cancel and approve. After a while the weather turns fair, and then
//! everything must come to its end.
//!
//! What a run checks: every plan passes the audit; a handler begins at most once under each dispatch, and under another one only
//! after the first was handed back; what was reported is what the store says; what is successful did run to its end; and
//! once the faults have stopped, every task ends within a bounded time, so that nothing is lost.
//!
//! A run is one thread and no real time passes. The same seed gives the same run, as long as nothing in the loops asks for a
//! clock, a thread or a random number of its own: a test compares two runs to be sure.

mod book;
mod broker;
mod cluster;
mod dice;
mod life;
mod people;
mod store;
mod weather;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{TaskFilter, TaskStatus, TaskView};
use scheduler_core::{Kind, TaskId};
use tokio::runtime::Builder;
use tokio::time::sleep;

pub use book::Book;
pub use broker::FaultyBroker;
pub use life::{Life, Side, Step};
pub use store::FaultyStore;
pub use weather::Weather;

use self::cluster::Cluster;
use self::dice::Odds;

/// How long things go wrong.
const STORM: Duration = Duration::from_secs(400);

/// How long everything may take to come to its end once the faults have stopped: lost nodes are noticed after a minute,
/// lost messages after a minute and a half, approvals end by themselves after five, and a queue of jobs of one template is long.
const PATIENCE: Duration = Duration::from_secs(7200);

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// The promises that broke.
    pub breaches: Vec<String>,
    /// How many tasks there were.
    pub tasks: usize,
    /// How many handlers began.
    pub handlers: usize,
    /// How long it took, in virtual time.
    pub length: Duration,
    /// The same for two runs in which the same happened at the same times.
    pub print: u64,
    /// What happened, if it was written down.
    pub log: Vec<String>,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.log {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "seed {}: {} tasks, {} handlers began, {:?}",
            self.seed, self.tasks, self.handlers, self.length
        )?;
        self.breaches.iter().try_for_each(|breach| writeln!(f, "  {breach}"))
    }
}

/// The run of one seed.
///
/// # Panics
///
/// When a runtime cannot be had.
#[must_use]
pub fn run(seed: u64, written_down: bool) -> Run {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let cluster = Cluster::new(seed, written_down);
        live_through(&cluster).await;
        Run {
            seed,
            breaches: cluster.book.breaches(),
            tasks: all(&cluster).await.len(),
            handlers: cluster.book.runs(),
            length: cluster.weather.elapsed(),
            print: cluster.weather.print(),
            log: cluster.weather.lines(),
        }
    })
}

async fn live_through(cluster: &Arc<Cluster>) {
    let weather = &cluster.weather;
    let definitions = people::cluster(weather);
    cluster.store.define(&definitions).await.expect("a sound cluster");
    let cancels = weather.dice.one_of(&[Odds::NEVER, Odds::one_in(20), Odds::one_in(3)]);
    for host in people::HOSTS {
        tokio::spawn(Arc::clone(cluster).keep(host));
    }
    tokio::spawn(people::meddle(Arc::clone(&cluster.store), Arc::clone(weather), cancels));
    let launching = people::launch(Arc::clone(&cluster.store), Arc::clone(weather));
    let (launched, ()) = tokio::join!(launching, cluster.storm(STORM));
    let deadline = weather.elapsed() + PATIENCE;
    while !unfinished(cluster).await.is_empty() && weather.elapsed() < deadline {
        sleep(Duration::from_secs(5)).await;
    }
    judge(cluster, &launched).await;
}

async fn unfinished(cluster: &Cluster) -> Vec<TaskView> {
    cluster.store.tasks(&TaskFilter::default()).await.expect("a list of tasks")
}

async fn all(cluster: &Cluster) -> Vec<TaskView> {
    let filter = TaskFilter { statuses: TaskStatus::ALL.to_vec(), limit: usize::MAX };
    cluster.store.tasks(&filter).await.expect("a list of tasks")
}

/// Compares what the store says in the end with what people were told and with what happened.
async fn judge(cluster: &Cluster, launched: &[TaskId]) {
    for task in unfinished(cluster).await {
        let hold = task.hold.as_ref().map(|hold| &hold.reason);
        cluster.book.broken(format!("{:?} {} is {:?} for ever: {hold:?}", task.kind, task.id, task.status));
    }
    let tasks = all(cluster).await;
    for id in launched {
        if !tasks.iter().any(|task| task.id == *id) {
            cluster.book.broken(format!("task {id} was launched and is gone"));
        }
    }
    for task in &tasks {
        let has_handler = !matches!(task.kind, Kind::WorkflowJob | Kind::WorkflowApproval);
        cluster.book.compare(task, has_handler);
    }
}
