//! What strangers send: it is said at a pace, so that nobody fills a log from the broker.

use std::cell::Cell;
use std::time::Duration;

use adapter_amqp::AmqpBroker;
use amqprs::BasicProperties;
use control_plane::definition::HandlerName;
use control_plane::ports::{Broadcast, Broker, Call, Queue};
use scheduler_core::InstanceId;
use tokio::time::timeout;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::own::{put, waiting};
use crate::support;
use crate::support::raw::Raw;

const ONE: InstanceId = InstanceId::new(1);
const LONG: Duration = Duration::from_secs(60);

thread_local! {
    /// The warnings of this thread, which are those of one test: its runtime has no other thread.
    static SAID: Cell<u64> = const { Cell::new(0) };
}

/// Counts warnings. It is there for all tests of this program: one that came and went with a test would be asked by some places
/// in the code before it is there, and no more once it is.
struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("adapter_amqp")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        SAID.set(SAID.get() + 1);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn messages_and_calls_that_are_not_for_a_node_are_said_at_a_pace() {
    tracing::subscriber::set_global_default(Warnings).expect("no other test has one");
    let prefix = support::prefix();
    let broker = AmqpBroker::connect(support::config(&support::url(), &prefix)).await.unwrap();
    let raw = Raw::open(&support::url()).await;
    let mut calls = broker.calls(ONE).await.unwrap();
    let mut deliveries = broker.deliveries(ONE, 1).await.unwrap();
    for _ in 0..200 {
        put(&raw, &format!("{prefix}.calls"), "1", BasicProperties::default(), b"no call").await;
        put(&raw, &format!("{prefix}.dispatch"), "node.1", BasicProperties::default(), b"no dispatch").await;
    }
    // The answer comes after all of these have arrived; what another connection sends now comes behind them.
    waiting(&raw, &format!("{prefix}.node.1")).await;
    broker.publish(&[support::dispatch(1, Queue::Node(ONE))]).await.unwrap();
    let broadcast = Broadcast { handler: HandlerName::command(), payload: serde_json::json!(7) };
    broker.broadcast(&broadcast).await.unwrap();
    let call = timeout(LONG, calls.next()).await.expect("it comes after the others").unwrap();
    assert!(matches!(call, Call::Broadcast(_)), "{call:?}");
    timeout(LONG, deliveries.next(10)).await.expect("it comes after the others").unwrap();
    let said = SAID.get();
    // A machine that takes more than ten seconds for this says it twice.
    assert!((2..20).contains(&said), "{said} lines about 400 messages");
    drop((calls, deliveries));
    support::clean_up(prefix).await;
}
