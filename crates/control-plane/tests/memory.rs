//! What the store and the broker in memory promise beyond their ports: clocks that tests turn, and the same run each time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use control_plane::ports::{
    Admin, Broker, BrokerError, Clock, Commit, Counts, Dispatch, Joining, Launch, Launchable, Members,
    Outbox, Passes, Queue, Recipient, Request, TaskStatus,
};
use control_plane::{MemoryBroker, MemoryStore};
use scheduler_core::{Forks, InstanceId, NodeType, Plan, Timestamp, plan};
use serde_json::json;

/// A clock that stands still until it is turned.
#[derive(Debug, Default)]
struct Turned(AtomicI64);

impl Turned {
    fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

async fn cluster(clock: &Arc<Turned>) -> MemoryStore {
    let store = MemoryStore::new(Arc::<Turned>::clone(clock));
    let definitions = json!({
        "rules": { "default_groups": ["all"], "heartbeat_grace": 120, "dispatch_grace": 60 },
        "instance": [{ "hostname": "one", "capacity": 100 }],
        "group": [{ "name": "all", "instances": ["one"] }],
        "project": [{ "name": "code", "update_on_launch": true, "cache_timeout": 30, "run": { "handler": "pull" } }],
        "template": [{ "name": "job", "project": "code", "allow_simultaneous": true, "run": { "handler": "play" } }],
    });
    store.define(&serde_json::from_value(definitions).unwrap()).await.unwrap();
    let node = Joining {
        hostname: "one".into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: String::new(),
    };
    store.join(&node).await.unwrap();
    store
}

async fn pass(store: &MemoryStore) -> Plan {
    let mut pass = store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let plan = plan(&reading.snapshot, &reading.rules);
    assert!(matches!(pass.commit(&reading, &plan).await.unwrap(), Commit::Done(_)));
    plan
}

fn job() -> Launch {
    Launch::of(Launchable::JobTemplate("job".into()))
}

#[tokio::test]
async fn r8_1_a_node_is_lost_when_the_clock_says_so() {
    let clock = Arc::new(Turned::default());
    let store = cluster(&clock).await;
    let update = Launch::of(Launchable::Project("code".into()));
    let task = *store.launch(&[update]).await.unwrap().first().unwrap();
    clock.turn(120);
    assert_eq!(pass(&store).await.starts().count(), 1, "not longer than the grace yet");
    clock.turn(1);
    assert_eq!(pass(&store).await.starts().count(), 0);
    let view = store.task(task).await.unwrap().unwrap();
    assert_eq!(view.status, TaskStatus::Pending, "taken back, and nowhere to go");
    assert_eq!(view.hold.unwrap().since, clock.now());
}

#[tokio::test]
async fn what_rests_comes_back_when_the_clock_says_so() {
    let clock = Arc::new(Turned::default());
    let store = cluster(&clock).await;
    store.launch(&[Launch::of(Launchable::Project("code".into()))]).await.unwrap();
    pass(&store).await;
    store.unsent(10).await.unwrap().settle(&[]).await.unwrap();
    assert_eq!(store.unsent(10).await.unwrap().messages().len(), 0);
    clock.turn(1);
    assert_eq!(store.unsent(10).await.unwrap().messages().len(), 1);
}

#[tokio::test]
async fn the_same_steps_give_the_same_tables() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let clock = Arc::new(Turned::default());
        let store = cluster(&clock).await;
        let mut seen = Vec::new();
        for _ in 0..5 {
            store.launch(&vec![job(); 3]).await.unwrap();
            clock.turn(7);
            let plan = pass(&store).await;
            let reading = store.read().await.unwrap();
            seen.push((plan, reading, store.statistics().await.unwrap()));
        }
        runs.push(seen);
    }
    assert_eq!(runs.first(), runs.last());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_costs_no_real_time() {
    let broker = MemoryBroker::new();
    let day = Duration::from_secs(86_400);
    let answer = broker.request(&Recipient::Node(InstanceId::new(1)), &Request::Status, day).await;
    assert!(matches!(answer, Err(BrokerError::NoAnswer { answered: 0, expected: 1 })));
}

#[tokio::test(start_paused = true)]
async fn what_a_consumer_gives_back_stands_where_it_stood() {
    let clock = Arc::new(Turned::default());
    let store = cluster(&clock).await;
    let broker = MemoryBroker::new();
    let node = InstanceId::new(1);
    store.launch(&vec![Launch::of(Launchable::Project("code".into())); 1]).await.unwrap();
    pass(&store).await;
    let batch = store.unsent(1).await.unwrap();
    let first = batch.messages().first().unwrap().dispatch.clone();
    assert_eq!(first.queue, Queue::Node(node));
    let shared: Vec<Dispatch> =
        (1..=3).map(|task| Dispatch { task: task.into(), queue: Queue::Shared, ..first.clone() }).collect();
    let mut consumer = broker.deliveries(node, 2).await.unwrap();
    broker.publish(&shared).await.unwrap();
    assert_eq!(consumer.next(10).await.unwrap(), shared[..2]);
    drop(consumer);
    let mut consumer = broker.deliveries(node, 0).await.unwrap();
    assert_eq!(consumer.next(10).await.unwrap(), shared, "0 is no limit");
}

#[tokio::test]
async fn a_clone_is_the_same_store() {
    let clock = Arc::new(Turned::default());
    let store = cluster(&clock).await;
    let clone = store.clone();
    let task = *store.launch(&[job()]).await.unwrap().first().unwrap();
    assert_eq!(clone.task(task).await.unwrap().unwrap().impact, Forks::new(1));
}
