//! The whole way on real servers, as a table: passes of the published size, messages confirmed, tasks run, time to start.
//!
//! Run it by `scripts/servers cargo bench --bench live`, on a machine that does nothing else. With `--test` everything is small, and only
//! shows that it works.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_amqp::{AmqpBroker, AmqpConfig};
use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::{Definitions, HandlerName};
use control_plane::ports::{
    Admin as _, Broker as _, Counts as _, Ended, Joining, Launch, Launchable, Members as _, TaskFilter,
    TaskStatus,
};
use control_plane::{Context, Handler, Handlers, Node, Options, PassReport, Roles, Scheduled, Scheduler};
use scheduler_core::{InstanceId, NodeType, Outcome};
use serde_json::{Value, json};
use testkit::servers::{Site, amqp_url, database_url};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How much of everything there is.
struct Sizes {
    pending: usize,
    limit: usize,
    messages: usize,
    tasks: usize,
    launches: usize,
    finished: usize,
    held: usize,
    repeats: usize,
}

const FULL: Sizes = Sizes {
    pending: 39_000,
    limit: 10_000,
    messages: 40_000,
    tasks: 20_000,
    launches: 200,
    finished: 100_000,
    held: 2_000,
    repeats: 5,
};

const SMALL: Sizes = Sizes {
    pending: 390,
    limit: 100,
    messages: 200,
    tasks: 200,
    launches: 5,
    finished: 300,
    held: 50,
    repeats: 1,
};

/// A control plane of one measurement, on the shared servers.
struct Plane {
    site: Site,
    store: Arc<PostgresStore>,
}

impl Plane {
    /// So many instances in one group, and a template whose jobs do nothing and all fit.
    async fn new(instances: usize, start_limit: usize) -> Self {
        let site = Site::new("bench");
        let config = PostgresConfig::new(database_url()).schema(&site.schema).pool_size(12);
        let store = Arc::new(PostgresStore::connect(config).unwrap());
        store.migrate().await.unwrap();
        store.define(&definitions(instances, start_limit)).await.unwrap();
        for host in hosts(instances) {
            store.join(&joining(host)).await.unwrap();
        }
        Self { site, store }
    }

    async fn launch(&self, template: &str, count: usize) {
        let launches = vec![Launch::of(Launchable::JobTemplate(template.into())); count];
        for batch in launches.chunks(5_000) {
            self.store.launch(batch).await.unwrap();
        }
    }

    async fn pass(&self) -> PassReport {
        let options = Options { rounds: 1, ..Options::default() };
        match Scheduler::new(Arc::clone(&self.store) as _, options).schedule().await.unwrap() {
            Scheduled::Ran(report) => report,
            Scheduled::Busy => panic!("nobody else makes passes here"),
        }
    }

    fn broker(&self) -> AmqpBroker {
        AmqpBroker::new(AmqpConfig::from_url(&amqp_url()).unwrap().with_prefix(&self.site.prefix).unwrap())
    }

    /// Runs a node until the work is done.
    async fn with_node<T>(&self, roles: Roles, handler: Handler, work: impl Future<Output = T>) -> T {
        let node = Node::builder(Arc::clone(&self.store) as _, Arc::new(self.broker()))
            .hostname("node-1")
            .roles(roles)
            .handlers(Handlers::default().with(HandlerName::try_from("noop").unwrap(), handler))
            .build();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(node.run(shutdown.clone()));
        let done = work.await;
        shutdown.cancel();
        running.await.unwrap().unwrap();
        done
    }

    /// Waits until no task is unfinished.
    async fn idle(&self) {
        let any = TaskFilter { statuses: Vec::new(), limit: 1 };
        while !self.store.tasks(&any).await.unwrap().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        drop(self.store);
        self.site.clean_up().await;
    }
}

fn hosts(count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(|number| format!("node-{number}"))
}

fn joining(hostname: String) -> Joining {
    Joining {
        hostname,
        node_type: NodeType::default(),
        capacity: None,
        takes_work: true,
        version: "none".into(),
    }
}

fn definitions(instances: usize, start_limit: usize) -> Definitions {
    let run = json!({ "handler": "noop" });
    let instance = |hostname: String| json!({ "hostname": hostname, "capacity": 1_000_000 });
    let definitions = json!({
        "rules": { "default_groups": ["all"], "heartbeat_grace": 3600, "dispatch_grace": 3600, "start_limit": start_limit },
        "instance": hosts(instances).map(instance).collect::<Vec<_>>(),
        "group": [
            { "name": "all", "instances": hosts(instances).collect::<Vec<_>>() },
            { "name": "closed", "instances": [] },
        ],
        "template": [
            { "name": "noop", "allow_simultaneous": true, "impact": 1, "run": run },
            { "name": "held", "allow_simultaneous": true, "impact": 1, "run": run, "groups": ["closed"] },
        ],
    });
    serde_json::from_value(definitions).unwrap()
}

fn noop() -> Handler {
    Handler::new(|_: Value, _: Context| async { Ended::of(Outcome::Successful) })
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

/// Read, plan and commit of one pass over pending tasks that could all start.
async fn pass(sizes: &Sizes, start_limit: usize) -> (Duration, String) {
    let mut reports = Vec::new();
    for _ in 0..sizes.repeats {
        let plane = Plane::new(100, start_limit).await;
        plane.launch("noop", sizes.pending).await;
        let began = Instant::now();
        let report = plane.pass().await;
        let took = began.elapsed();
        let expected = if start_limit == 0 { sizes.pending } else { start_limit };
        assert_eq!(report.starts, expected);
        reports.push((took, report.durations));
        plane.end().await;
    }
    reports.sort_unstable_by_key(|report| report.0);
    let (took, phases) = reports[reports.len() / 2];
    (took, format!("read {:.0?}, plan {:.0?}, commit {:.0?}", phases.read, phases.plan, phases.commit))
}

/// Messages a second from the outbox to the broker, with its confirmations.
async fn published(sizes: &Sizes) -> f64 {
    let plane = Plane::new(1, 0).await;
    plane.launch("noop", sizes.messages).await;
    plane.pass().await;
    // Its queue is there before the first message, and survives this.
    drop(plane.broker().deliveries(InstanceId::new(1), 1).await.unwrap());
    let began = Instant::now();
    let relay = Roles { relay: true, ..Roles::NONE };
    let sent = async {
        while plane.store.statistics().await.unwrap().outbox > 0 {
            sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    };
    let took = plane.with_node(relay, noop(), sent).await;
    plane.end().await;
    rate(sizes.messages, took)
}

fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64()
}

/// Tasks a second through the whole way on one node: from the last launch, and from the first.
async fn through(sizes: &Sizes) -> (f64, f64) {
    let plane = Plane::new(1, 0).await;
    let work = async {
        let began = Instant::now();
        plane.launch("noop", sizes.tasks).await;
        let launched = began.elapsed();
        plane.idle().await;
        (began.elapsed() - launched, began.elapsed())
    };
    let (alone, with_launch) = plane.with_node(Roles::ALL, noop(), work).await;
    plane.end().await;
    (rate(sizes.tasks, alone), rate(sizes.tasks, with_launch))
}

/// From the commit of a launch on an idle system to the handler's first instruction.
async fn latency(sizes: &Sizes) -> (Duration, Duration) {
    let plane = Plane::new(1, 0).await;
    let (begins, mut begun) = mpsc::unbounded_channel();
    let handler = Handler::new(move |_: Value, _: Context| {
        let now = Instant::now();
        let begins = begins.clone();
        async move {
            begins.send(now).unwrap();
            Ended::of(Outcome::Successful)
        }
    });
    let work = async {
        let mut waits = Vec::new();
        for _ in 0..=sizes.launches {
            plane.launch("noop", 1).await;
            let committed = Instant::now();
            waits.push(begun.recv().await.unwrap().saturating_duration_since(committed));
            plane.idle().await;
            sleep(Duration::from_millis(50)).await;
        }
        // The first one waits for connections to be made.
        waits.remove(0);
        waits
    };
    let mut waits = plane.with_node(Roles::ALL, handler, work).await;
    plane.end().await;
    waits.sort_unstable();
    (median(waits.clone()), waits[waits.len() * 95 / 100])
}

/// A pass over held tasks, where nothing else is and where many others have finished: in turns, so that whatever else the machine
/// does slows both. The finished ones have only just finished, and no vacuum need have come by.
async fn finished(sizes: &Sizes) -> (Duration, Duration) {
    let (alone, beside) = (Plane::new(1, 0).await, Plane::new(1, 0).await);
    for plane in [&alone, &beside] {
        plane.launch("held", sizes.held).await;
    }
    beside.launch("noop", sizes.finished).await;
    let done = async {
        let count = || async { beside.store.statistics().await.unwrap().tasks.values().sum::<u64>() };
        while count().await > u64::try_from(sizes.held).unwrap() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    beside.with_node(Roles::ALL, noop(), done).await;
    let ended = TaskFilter { statuses: vec![TaskStatus::Successful], limit: usize::MAX };
    assert_eq!(beside.store.tasks(&ended).await.unwrap().len(), sizes.finished);
    let passes = async || {
        let mut took = (Vec::new(), Vec::new());
        for turn in 0..20 * sizes.repeats {
            let mut order = [(&alone, &mut took.0), (&beside, &mut took.1)];
            order.rotate_left(turn % 2);
            for (plane, took) in order {
                let began = Instant::now();
                plane.pass().await;
                took.push(began.elapsed());
            }
        }
        (median(took.0), median(took.1))
    };
    // The first ones store why tasks are held, and prepare their statements on every connection.
    passes().await;
    let took = passes().await;
    alone.end().await;
    beside.end().await;
    took
}

#[tokio::main]
async fn main() {
    let sizes = if std::env::args().any(|argument| argument == "--test") { SMALL } else { FULL };
    println!("| what | measured | wanted |\n| --- | --- | --- |");
    let (took, phases) = pass(&sizes, 0).await;
    println!("| one pass, {} of {} start | {took:.0?} ({phases}) | 1.5 s |", sizes.pending, sizes.pending);
    let (took, phases) = pass(&sizes, sizes.limit).await;
    println!("| one pass, {} of {} start | {took:.0?} ({phases}) | 0.6 s |", sizes.limit, sizes.pending);
    let messages = published(&sizes).await;
    println!("| outbox to broker, confirmed | {messages:.0} messages/s | 8000 |");
    let (alone, with_launch) = through(&sizes).await;
    println!(
        "| no-op tasks, the whole way | {alone:.0} tasks/s ({with_launch:.0} with their launch) | 5000 |"
    );
    let (middle, high) = latency(&sizes).await;
    println!("| commit of a launch to the handler | median {middle:.1?}, 95 % {high:.1?} | 10 ms |");
    let (before, after) = finished(&sizes).await;
    let slower = (after.as_secs_f64() / before.as_secs_f64() - 1.0) * 100.0;
    println!(
        "| pass over {} held, {} finished beside them | {before:.1?} without, {after:.1?} with: {slower:+.1} % | 10 % |",
        sizes.held, sizes.finished
    );
}
