//! A workbench: a cluster in memory, nodes on it, and what tests ask of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use control_plane::definition::{Definitions, HandlerName};
use control_plane::ports::{
    Admin as _, Clock, Launch, Launchable, Members as _, TaskFilter, TaskStatus, TaskView,
};
use control_plane::ports::{Commit, Reading};
use control_plane::{
    Handler, Handlers, MemoryBroker, MemoryStore, Node, NodeBuilder, NodeError, Options, PassObserver,
    Scheduler,
};
use scheduler_core::{Plan, TaskId, Timestamp, audit};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The runtime's time, which tests may pause, and set forward.
#[derive(Debug)]
pub(crate) struct RuntimeClock {
    began: Instant,
    ahead: AtomicU64,
}

impl RuntimeClock {
    /// Sets it forward.
    pub(crate) fn step(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.ahead.load(Ordering::Relaxed));
        let elapsed = TimeDelta::from_std(self.began.elapsed() + ahead).unwrap();
        Timestamp::UNIX_EPOCH + TimeDelta::days(20_000) + elapsed
    }
}

/// Checks every plan against the rules.
#[derive(Debug)]
struct Auditor;

impl PassObserver for Auditor {
    fn committed(&self, reading: &Reading, plan: &Plan, _: &Commit) {
        let violations = audit(&reading.snapshot, &reading.rules, plan);
        assert!(violations.is_empty(), "{violations:?}");
    }
}

/// Two nodes and something to run on them.
const CLUSTER: &str = r#"
[rules]
default_groups = ["default"]
heartbeat_grace = 30

[[instance]]
hostname = "node-1"
capacity = 40

[[instance]]
hostname = "node-2"
capacity = 40

[[group]]
name = "default"
instances = ["node-1", "node-2"]

[[project]]
name = "shop"
update_on_launch = true
cache_timeout = 60
run = { handler = "quick" }

[[inventory]]
name = "production"
hosts = 4

[[template]]
name = "quick"
allow_simultaneous = true
run = { handler = "quick" }

[[template]]
name = "deploy"
project = "shop"
inventory = "production"
run = { handler = "quick" }

[[template]]
name = "slow"
allow_simultaneous = true
run = { handler = "slow" }

[[template]]
name = "again"
run = { handler = "again" }

[[template]]
name = "panics"
project = "shop"
inventory = "production"
run = { handler = "panics" }

[[template]]
name = "shell"
run = { command = ["sh", "-c", "echo hello; sleep 60"] }

[[workflow]]
name = "release"

[[workflow.node]]
name = "first"
starts = { template = "deploy" }
on_success = ["breaks"]

[[workflow.node]]
name = "breaks"
starts = { template = "panics" }
on_failure = ["mend"]

[[workflow.node]]
name = "mend"
starts = { template = "deploy" }
"#;

/// A cluster in memory.
pub(crate) struct Bench {
    pub(crate) store: MemoryStore,
    pub(crate) broker: MemoryBroker,
    pub(crate) clock: Arc<RuntimeClock>,
}

/// A node that runs.
pub(crate) struct Running {
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: JoinHandle<Result<(), NodeError>>,
}

impl Running {
    /// Stops it in good order.
    pub(crate) async fn stop(self) -> Result<(), NodeError> {
        self.shutdown.cancel();
        self.ended.await.unwrap()
    }
}

pub(crate) fn name(text: &str) -> HandlerName {
    HandlerName::try_from(text).unwrap()
}

fn break_down() {
    panic!("on purpose");
}

/// `quick` is done at once, `slow` after an hour unless told to stop, `again` the same but it may run again, `panics` panics.
pub(crate) fn handlers() -> Handlers {
    let slow = Handler::new(|_: Value, context: control_plane::Context| async move {
        tokio::select! {
            () = sleep(Duration::from_secs(3600)) => Ok(()),
            () = context.stopped() => Err("told to stop"),
        }
    });
    Handlers::default()
        .with(name("quick"), Handler::new(|_: Value, _| async {}))
        .with(name("slow"), slow.clone())
        .with(name("again"), slow.restartable())
        .with(name("panics"), Handler::new(|_: Value, _| async { break_down() }))
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(RuntimeClock { began: Instant::now(), ahead: AtomicU64::new(0) });
        let store = MemoryStore::new(Arc::<RuntimeClock>::clone(&clock));
        let definitions: Definitions = toml::from_str(CLUSTER).unwrap();
        store.define(&definitions).await.unwrap();
        Self { store, broker: MemoryBroker::new(), clock }
    }

    /// A node whose every plan is audited.
    pub(crate) fn node(&self, hostname: &str) -> NodeBuilder {
        Node::builder(Arc::new(self.store.clone()), Arc::new(self.broker.clone()))
            .hostname(hostname)
            .clock(Arc::<RuntimeClock>::clone(&self.clock))
            .handlers(handlers())
            .observed_by(Arc::new(Auditor))
    }

    pub(crate) fn start(&self, node: NodeBuilder) -> Running {
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(node.build().run(shutdown.clone()));
        Running { shutdown, ended }
    }

    pub(crate) fn scheduler(&self, options: Options) -> Scheduler {
        Scheduler::new(Arc::new(self.store.clone()), options)
    }

    pub(crate) async fn launch(&self, template: &str) -> TaskId {
        self.launch_all(&[Launch::of(Launchable::JobTemplate(template.into()))]).await[0]
    }

    pub(crate) async fn launch_all(&self, launches: &[Launch]) -> Vec<TaskId> {
        self.store.launch(launches).await.unwrap()
    }

    pub(crate) async fn task(&self, id: TaskId) -> TaskView {
        self.store.task(id).await.unwrap().unwrap()
    }

    /// Waits until the task has this status, and shows it.
    pub(crate) async fn until(&self, id: TaskId, status: TaskStatus) -> TaskView {
        let mut seen = None;
        for _ in 0..100_000 {
            let task = self.task(id).await;
            if task.status == status {
                return task;
            }
            assert!(!task.status.is_finished(), "{task:?} instead of {status:?}");
            seen = Some(task);
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{seen:?} never became {status:?}");
    }

    /// Waits until nothing is unfinished.
    pub(crate) async fn until_quiet(&self) {
        for _ in 0..100_000 {
            if self.store.tasks(&TaskFilter::default()).await.unwrap().is_empty() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("unfinished: {:?}", self.store.tasks(&TaskFilter::default()).await.unwrap());
    }

    /// Somebody else joins under this name.
    pub(crate) async fn usurp(&self, hostname: &str) -> Vec<TaskId> {
        let joining = control_plane::ports::Joining {
            hostname: hostname.into(),
            node_type: scheduler_core::NodeType::Hybrid,
            capacity: None,
            takes_work: true,
            version: "other".into(),
        };
        self.store.join(&joining).await.unwrap().orphans
    }
}
