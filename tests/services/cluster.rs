//! A cluster of a test's own on the shared servers, with nodes in this process.

use std::sync::Arc;
use std::time::Duration;

use adapter_amqp::{AmqpBroker, AmqpConfig};
use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::{Definitions, HandlerName};
use control_plane::ports::{Admin as _, Broker, Ended, Launch, Launchable, TaskFilter, TaskStatus, TaskView};
use control_plane::{Context, Handler, Handlers, Node, NodeError, Options};
use scheduler_core::{Outcome, TaskId};
use serde_json::{Value, json};
use testkit::servers::{Site, amqp_url, database_url};
use testkit::simulation::{Book, FaultyBroker, FaultyStore, Life, Step, Weather};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come. Far longer than it takes, since the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The machines that are defined.
pub const HOSTS: [&str; 3] = ["node-a", "node-b", "node-c"];

/// How long a handler works.
const WORK: Duration = Duration::from_millis(100);

/// A cluster.
pub struct Cluster {
    /// Its store, without faults.
    pub store: Arc<PostgresStore>,
    /// What really happened.
    pub book: Arc<Book>,
    /// Its names on the servers.
    pub site: Site,
    weather: Arc<Weather>,
}

impl Cluster {
    /// A cluster with three machines and some templates. Nodes are given up after three seconds of silence, dispatches after four.
    pub async fn new(what_for: &str) -> Self {
        let site = Site::new(what_for);
        let store = Arc::new(store(&database_url(), &site).await);
        store.migrate().await.unwrap();
        store.define(&definitions()).await.unwrap();
        Self { store, book: Arc::default(), site, weather: Weather::fair(1, false) }
    }

    /// Starts a node on the shared servers. With a last step, it dies there.
    pub async fn node(&self, host: &str, last: Option<Step>) -> RunningNode {
        self.node_at(host, last, &database_url(), &amqp_url()).await
    }

    /// Starts a node on servers at these URLs.
    pub async fn node_at(&self, host: &str, last: Option<Step>, database: &str, amqp: &str) -> RunningNode {
        let life = Life::until(host.into(), Arc::clone(&self.weather), last);
        let store = Arc::new(store(database, &self.site).await);
        let broker: Arc<dyn Broker> = Arc::new(broker(amqp, &self.site));
        let store = FaultyStore::new(store, Arc::clone(&life), Arc::clone(&self.book));
        let broker = FaultyBroker::new(broker, Arc::clone(&life));
        let node = Node::builder(Arc::new(store), Arc::new(broker))
            .hostname(host)
            .options(options())
            .handlers(handlers(&life, &self.book))
            .build();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(node.run(shutdown.clone()));
        RunningNode { life, shutdown, running }
    }

    /// Launches so many of this template.
    pub async fn launch(&self, template: &str, count: usize) -> Vec<TaskId> {
        let launches = vec![Launch::of(Launchable::JobTemplate(template.into())); count];
        self.store.launch(&launches).await.unwrap()
    }

    /// Waits until no task is unfinished, and returns them all.
    pub async fn finished(&self) -> Vec<TaskView> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let unfinished = self.store.tasks(&TaskFilter::default()).await.unwrap();
            if unfinished.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "unfinished after {PATIENCE:?}: {unfinished:#?}");
            sleep(Duration::from_millis(100)).await;
        }
        let filter = TaskFilter { statuses: TaskStatus::ALL.to_vec(), limit: usize::MAX };
        self.store.tasks(&filter).await.unwrap()
    }

    /// Waits until so many tasks have this status.
    pub async fn until(&self, status: TaskStatus, count: usize) {
        let filter = TaskFilter { statuses: vec![status], limit: usize::MAX };
        let deadline = Instant::now() + PATIENCE;
        while self.store.tasks(&filter).await.unwrap().len() < count {
            assert!(Instant::now() < deadline, "fewer than {count} tasks are {status:?} after {PATIENCE:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Nothing was lost, nothing ran twice, and what was reported is what the store says; removes the cluster.
    pub async fn judge(self, launched: &[TaskId]) -> Vec<TaskView> {
        let tasks = self.finished().await;
        for id in launched {
            assert!(tasks.iter().any(|task| task.id == *id), "task {id} was launched and is gone");
        }
        for task in &tasks {
            self.book.compare(task, true);
        }
        assert_eq!(self.book.breaches(), [""; 0]);
        self.site.clean_up().await;
        tasks
    }
}

/// A node that runs in this process.
pub struct RunningNode {
    /// Its life.
    pub life: Arc<Life>,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), NodeError>>,
}

impl RunningNode {
    /// Waits until it has died.
    pub async fn death(self) {
        tokio::time::timeout(PATIENCE, self.life.over()).await.expect("the node comes to its last step");
        self.running.abort();
        // An aborted task is what is wanted here.
        let _ = self.running.await;
    }

    /// Stops it in good order.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// A store of a node's own.
pub async fn store(url: &str, site: &Site) -> PostgresStore {
    PostgresStore::connect(PostgresConfig::new(url).schema(&site.schema).pool_size(8)).unwrap()
}

/// A broker of a node's own.
pub fn broker(url: &str, site: &Site) -> AmqpBroker {
    AmqpBroker::new(AmqpConfig::from_url(url).unwrap().with_prefix(&site.prefix).unwrap())
}

/// Quicker than the defaults, so that a test need not wait long for what only comes periodically.
fn options() -> Options {
    Options {
        period: Duration::from_secs(1),
        heartbeat: Duration::from_millis(500),
        orders_period: Duration::from_secs(1),
        audit: true,
        ..Options::default()
    }
}

fn definitions() -> Definitions {
    let instances: Vec<Value> =
        HOSTS.iter().map(|host| json!({ "hostname": host, "capacity": 200 })).collect();
    let template = |name: &str, seconds: u32| {
        json!({
            "name": name, "allow_simultaneous": true, "impact": 1,
            "run": { "handler": "work", "payload": { "seconds": seconds } },
        })
    };
    let panics =
        json!({ "name": "panics", "allow_simultaneous": true, "impact": 1, "run": { "handler": "panic" } });
    let definitions = json!({
        "rules": { "default_groups": ["all"], "heartbeat_grace": 3, "dispatch_grace": 4 },
        "instance": instances,
        "group": [{ "name": "all", "instances": HOSTS }],
        "template": [template("quick", 0), template("slow", 3), panics],
    });
    serde_json::from_value(definitions).unwrap()
}

fn handlers(life: &Arc<Life>, book: &Arc<Book>) -> Handlers {
    let (life, book) = (Arc::clone(life), Arc::clone(book));
    let run =
        move |payload: Value, context: Context| work(Arc::clone(&life), Arc::clone(&book), payload, context);
    let panic = |_: Value, _: Context| async { panic!("as tested") as Ended };
    Handlers::default()
        .with(HandlerName::try_from("work").unwrap(), Handler::new(run))
        .with(HandlerName::try_from("panic").unwrap(), Handler::new(panic))
}

async fn work(life: Arc<Life>, book: Arc<Book>, payload: Value, context: Context) -> Ended {
    if life.is_over() {
        return std::future::pending().await;
    }
    book.began(context.task, context.dispatch);
    let length = WORK + Duration::from_secs(payload["seconds"].as_u64().unwrap_or_default());
    let stopped = life
        .undisturbed(async {
            tokio::select! {
                () = context.stopped() => true,
                () = sleep(length) => false,
            }
        })
        .await;
    if stopped {
        return Ended::of(Outcome::Canceled);
    }
    book.completed(context.task, context.dispatch);
    Ended::of(Outcome::Successful)
}
