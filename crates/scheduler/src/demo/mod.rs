//! `scheduler demo`: a small, made-up cluster on the embedded control plane, with real processes, until all is done.
//!
//! Store, broker, passes, claims and child processes are those of production, in one process and in memory; four nodes
//! share them, and every plan is audited before it is written. Only the people are made up: who launches, approves and
//! cancels, and who pulls a machine's plug.

mod narrator;
mod script;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use control_plane::definition::{COMMAND, Definitions};
use control_plane::ports::{Admin as _, Broker as _, Clock as _, Commit, Reading, Store, SystemClock};
use control_plane::{MemoryBroker, MemoryStore, Node, NodeError, Options, PassObserver, PoolBounds, Roles};
use scheduler_core::{Plan, TaskId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Found;
use crate::failure::Failure;
use crate::output::Output;
use narrator::Narrator;

const CLUSTER: &str = include_str!("cluster.toml");

/// The one that is lost.
const DOOMED: &str = "branch-1";

/// Several times what it takes: a defect must not make it run for ever.
const AT_MOST: Duration = Duration::from_secs(90);

/// Something to tell.
#[derive(Debug)]
enum Event {
    /// Somebody launched this.
    Launched(TaskId),
    /// Somebody did something else with a task.
    Done { word: &'static str, task: TaskId },
    /// A machine is gone.
    Unplugged,
    /// A pass is written.
    Pass(Box<(Reading, Plan, Commit)>),
    /// Everything that people do is done.
    Curtain,
}

/// Sends every pass to the narrator.
#[derive(Debug)]
struct Witness(UnboundedSender<Event>);

impl PassObserver for Witness {
    fn committed(&self, reading: &Reading, plan: &Plan, commit: &Commit) {
        // Nobody is left to hear of passes after the end.
        let _sent = self.0.send(Event::Pass(Box::new((reading.clone(), plan.clone(), commit.clone()))));
    }
}

/// Runs it.
pub(crate) fn run() -> Result<Found, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
    let told = runtime.block_on(async {
        tokio::time::timeout(AT_MOST, perform()).await.unwrap_or_else(|_| {
            Err(Failure::new(format!("the demonstration did not come to its end in {} s", AT_MOST.as_secs())))
        })
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    told.map(|()| Found::Nothing)
}

/// Everything that the play needs.
struct Stage {
    store: Arc<dyn Store>,
    nodes: BTreeMap<String, JoinHandle<Result<(), NodeError>>>,
    events: UnboundedSender<Event>,
    heard: UnboundedReceiver<Event>,
    stop: CancellationToken,
}

impl Stage {
    async fn set() -> Result<Self, Failure> {
        let definitions: Definitions = toml::from_str(CLUSTER)
            .map_err(|error| Failure::new(format!("the demonstration's cluster is wrong: {error}")))?;
        let store: Arc<dyn Store> = {
            let store = MemoryStore::new(Arc::new(SystemClock));
            store.define(&definitions).await?;
            Arc::new(store)
        };
        let (events, heard) = unbounded_channel();
        let stop = CancellationToken::new();
        let broker = MemoryBroker::new();
        for node in store.nodes().await? {
            // Its queue is there before its node asks for it, so that the first message need not be sent twice.
            drop(broker.deliveries(node.id, 1).await?);
        }
        let nodes = start(&definitions, &store, &Arc::new(broker), &events, &stop);
        Ok(Self { store, nodes, events, heard, stop })
    }
}

/// The same cluster for somebody who only looks at it: the play once, and then the same people launching on, for as long as the
/// runtime lives.
pub(crate) async fn embedded() -> Result<Arc<dyn Store>, Failure> {
    let Stage { store, mut nodes, events, stop, .. } = Stage::set().await?;
    let doomed = nodes.remove(DOOMED);
    let people = store.clone();
    tokio::spawn(async move {
        // The nodes end when nothing could stop them any more.
        let _nodes = (nodes, stop);
        script::play(people.clone(), events.clone(), doomed).await?;
        script::go_on(people, events).await
    });
    Ok(store)
}

async fn perform() -> Result<(), Failure> {
    let Stage { store, mut nodes, events, mut heard, stop } = Stage::set().await?;
    let mut narrator = Narrator::new(Output::stdout(), store.clone(), SystemClock.now());
    narrator.introduce(&store.nodes().await?, COMMAND)?;
    let doomed = nodes.remove(DOOMED);
    let people = tokio::spawn(script::play(store, events, doomed));
    narrator.tell(&mut heard).await?;
    people.await.map_err(|error| Failure::new(format!("the demonstration's people failed: {error}")))??;
    stop.cancel();
    for (_, node) in nodes {
        match node.await {
            Ok(ended) => ended.map_err(|error| Failure::new(error.to_string()))?,
            Err(error) => return Err(Failure::new(format!("a node failed: {error}"))),
        }
    }
    narrator.sum_up().await
}

/// A node for each instance. The first makes the passes, so that their order is plain to see; all of them could.
fn start(
    definitions: &Definitions,
    store: &Arc<dyn Store>,
    broker: &Arc<MemoryBroker>,
    events: &UnboundedSender<Event>,
    stop: &CancellationToken,
) -> BTreeMap<String, JoinHandle<Result<(), NodeError>>> {
    let mut nodes = BTreeMap::new();
    for (position, instance) in definitions.instances.iter().enumerate() {
        let name = instance.hostname.as_str();
        // One worker, so that the next task waits for it when the machine is lost.
        let pool = if name == DOOMED { PoolBounds { least: 1, most: 1 } } else { Options::default().pool };
        let options = Options {
            audit: true,
            period: Duration::from_millis(500),
            heartbeat: Duration::from_millis(300),
            stop_grace: Duration::from_secs(1),
            pool,
            ..Options::default()
        };
        let node = Node::builder(store.clone(), broker.clone())
            .hostname(name)
            .options(options)
            .roles(Roles { scheduler: position == 0, ..Roles::ALL })
            .observed_by(Arc::new(Witness(events.clone())))
            .build();
        nodes.insert(name.to_owned(), tokio::spawn(node.run(stop.clone())));
    }
    nodes
}
