//! What is RabbitMQ's own: what a message looks like there, what is refused, what goes to the dead letters.

use std::error::Error;
use std::time::Duration;

use adapter_amqp::AmqpBroker;
use amqprs::channel::{
    BasicGetArguments, BasicPublishArguments, QueueDeclareArguments, QueueDeleteArguments,
};
use amqprs::{BasicProperties, FieldTable, FieldValue};
use control_plane::definition::HandlerName;
use control_plane::ports::{
    Broadcast, Broker, BrokerError, Call, ControlPlaneId, Publication, Queue, Recipient, Reply, ReplyTo,
    Request, TraceContext,
};
use scheduler_core::InstanceId;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support;
use crate::support::raw::Raw;

const ONE: InstanceId = InstanceId::new(1);
const LONG: Duration = Duration::from_secs(60);

async fn connect(prefix: &str) -> AmqpBroker {
    AmqpBroker::connect(support::config(&support::url(), prefix)).await.unwrap()
}

/// Puts any message on an exchange.
pub(crate) async fn put(raw: &Raw, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
    let arguments = BasicPublishArguments::new(exchange, key);
    raw.channel.basic_publish(properties, body.to_vec(), arguments).await.unwrap();
}

/// How many messages wait in a queue.
pub(crate) async fn waiting(raw: &Raw, queue: &str) -> u32 {
    let look = QueueDeclareArguments::durable_client_named(queue).passive(true).finish();
    raw.channel.queue_declare(look).await.unwrap().unwrap().1
}

/// Everything that an error says, its causes included.
pub(crate) fn said(error: &BrokerError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!(" {source} {source:?}"));
        cause = source.source();
    }
    text
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn what_cannot_be_read_goes_to_the_dead_letters_and_holds_nothing_up() {
    let prefix = support::prefix();
    let broker = connect(&prefix).await;
    let raw = Raw::open(&support::url()).await;
    let exchange = format!("{prefix}.dispatch");
    // One unacknowledged message at a time: one that stayed would stop everything.
    let mut deliveries = broker.deliveries(ONE, 1).await.unwrap();
    let mut odd = FieldTable::new();
    odd.insert("number".try_into().unwrap(), FieldValue::d(1.5));
    odd.insert("nothing".try_into().unwrap(), FieldValue::V);
    let odd = BasicProperties::default().with_headers(odd).finish();
    let bodies: [&[u8]; 5] =
        [b"", b"no message", br#"{"version":2}"#, br#"{"version":1,"task":1}"#, &[b' '; 100_000]];
    for body in bodies {
        put(&raw, &exchange, "shared", odd.clone(), body).await;
        put(&raw, &exchange, "node.1", BasicProperties::default(), body).await;
    }
    for task in 1..=4 {
        let queue = if task % 2 == 0 { Queue::Shared } else { Queue::Node(ONE) };
        assert_eq!(
            broker.publish(&[support::dispatch(task, queue)]).await.unwrap(),
            [Publication::Confirmed]
        );
        let came = timeout(LONG, deliveries.next(10)).await.expect("it is held up").unwrap();
        assert_eq!(came.iter().map(|one| one.task.get()).collect::<Vec<_>>(), [task]);
        put(&raw, &exchange, "shared", BasicProperties::default(), b"after it").await;
        deliveries.acknowledge().await.unwrap();
    }
    let dead = format!("{prefix}.rejected");
    let all = async {
        while waiting(&raw, &dead).await < 13 {
            drop(timeout(Duration::from_millis(50), deliveries.next(1)).await);
        }
    };
    timeout(LONG, all).await.expect("every one of them is a dead letter");
    drop(deliveries);
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn what_is_of_another_control_plane_goes_to_the_dead_letters() {
    let prefix = support::prefix();
    let (ours, theirs) = (connect(&prefix).await, connect(&prefix).await);
    ours.serve(ControlPlaneId::new(1));
    theirs.serve(ControlPlaneId::new(2));
    let mut deliveries = ours.deliveries(ONE, 1).await.unwrap();
    let dispatches = [1, 2, 3].map(|task| support::dispatch(task, Queue::Node(ONE)));
    assert_eq!(theirs.publish(&dispatches).await.unwrap(), [Publication::Confirmed; 3]);
    let raw = Raw::open(&support::url()).await;
    let dead = format!("{prefix}.rejected");
    let all = async {
        while waiting(&raw, &dead).await < 3 {
            drop(timeout(Duration::from_millis(50), deliveries.next(1)).await);
        }
    };
    timeout(LONG, all).await.expect("every one of them is a dead letter");
    drop(deliveries);
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn dead_letters_are_bounded_by_their_bytes() {
    let prefix = support::prefix();
    let broker = connect(&prefix).await;
    let raw = Raw::open(&support::url()).await;
    let large = vec![b'x'; 4 * 1024 * 1024];
    for _ in 0..20 {
        put(&raw, &format!("{prefix}.dead"), "", BasicProperties::default(), &large).await;
    }
    put(&raw, &format!("{prefix}.dead"), "", BasicProperties::default(), b"the last").await;
    let dead = format!("{prefix}.rejected");
    // They are on their way until the broker has looked at each.
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        let kept = waiting(&raw, &dead).await;
        assert!(kept <= 16, "{kept} of 4 MiB each are kept");
    }
    assert!(waiting(&raw, &dead).await > 10, "the latest are kept");
    drop(broker);
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_request_says_who_asks_and_nothing_that_moves_a_terminal() {
    let prefix = support::prefix();
    let config = support::config(&support::url(), &prefix).asking_as("eve\u{1b}[2J@desk");
    let (asker, node) = (AmqpBroker::connect(config).await.unwrap(), connect(&prefix).await);
    let mut calls = node.calls(ONE).await.unwrap();
    let asking = tokio::spawn(async move {
        let to = Recipient::Node(ONE);
        asker.request(&to, &Request::Cancel(42.into()), LONG).await
    });
    let Call::Request(request, to) = timeout(LONG, calls.next()).await.expect("it comes").unwrap() else {
        panic!("a request was sent")
    };
    assert_eq!(request, Request::Cancel(42.into()));
    assert_eq!(to.asked_by.as_deref(), Some("eve\u{fffd}[2J@desk"));
    calls.reply(to, &Reply::Canceling(false)).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), [(ONE, Reply::Canceling(false))]);
    drop((calls, node));
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_message_is_persistent_and_carries_its_trace() {
    let prefix = support::prefix();
    let broker = connect(&prefix).await;
    let mut dispatch = support::dispatch(42, Queue::Shared);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    dispatch.trace = Some(TraceContext::try_from(trace.to_owned()).unwrap());
    assert_eq!(broker.publish(&[dispatch]).await.unwrap(), [Publication::Confirmed]);
    let raw = Raw::open(&support::url()).await;
    let get = BasicGetArguments::new(&format!("{prefix}.shared"));
    let (_, properties, body) = raw.channel.basic_get(get).await.unwrap().expect("it waits");
    assert_eq!(properties.delivery_mode(), Some(2));
    assert_eq!(properties.content_type().map(String::as_str), Some("application/json"));
    let header = properties.headers().and_then(|headers| headers.get(&"traceparent".try_into().unwrap()));
    assert_eq!(header, Some(&FieldValue::S(trace.try_into().unwrap())));
    let expected = json!({"version": 1, "task": 42, "dispatch": 420, "kind": "job", "handler": "command", "trace": trace});
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
    drop(raw);
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_call_that_cannot_be_read_is_dropped_and_holds_nothing_up() {
    let prefix = support::prefix();
    let broker = connect(&prefix).await;
    let mut calls = broker.calls(ONE).await.unwrap();
    let raw = Raw::open(&support::url()).await;
    let exchange = format!("{prefix}.broadcast");
    let misleading = BasicProperties::default().with_reply_to("some.queue").with_correlation_id("1").finish();
    for body in ["", "no call", r#"{"version":2,"request":"status"}"#, r#"{"version":1,"request":"explode"}"#]
    {
        put(&raw, &exchange, "", BasicProperties::default(), body.as_bytes()).await;
    }
    put(&raw, &exchange, "", BasicProperties::default(), br#"{"version":1,"request":"status"}"#).await;
    put(&raw, &exchange, "", misleading, br#"{"version":1,"request":"status"}"#).await;
    let sent = Broadcast { handler: HandlerName::command(), payload: json!(7) };
    broker.broadcast(&sent).await.unwrap();
    match timeout(LONG, calls.next()).await.expect("it is held up").unwrap() {
        Call::Broadcast(broadcast) => assert_eq!(broadcast, sent),
        Call::Request(request, _) => assert_eq!(format!("{request:?}"), "a broadcast"),
    }
    let elsewhere = ReplyTo { asked_by: None, address: format!("{prefix}.shared"), correlation: "1".into() };
    let refused = calls.reply(elsewhere, &Reply::Canceling(true)).await;
    assert!(matches!(refused, Err(BrokerError::Refused(_))), "{refused:?}");
    let huge = Broadcast { payload: json!("x".repeat(2_000_000)), ..sent };
    let refused = broker.broadcast(&huge).await;
    assert!(matches!(refused, Err(BrokerError::Refused(_))), "{refused:?}");
    drop(calls);
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_clash_with_what_others_declared_is_refused_with_its_reason() {
    let prefix = support::prefix();
    let raw = Raw::open(&support::url()).await;
    let shared = format!("{prefix}.shared");
    raw.channel.queue_declare(QueueDeclareArguments::durable_client_named(&shared)).await.unwrap();
    let refused = AmqpBroker::connect(support::config(&support::url(), &prefix)).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Refused(_)) && refused.to_string().contains(&shared), "{refused}");
    raw.channel.queue_delete(QueueDeleteArguments::new(&shared)).await.unwrap();
    drop(connect(&prefix).await);
    support::clean_up(prefix).await;
}

#[tokio::test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn whoever_is_not_let_in_is_told_so_without_the_secret() {
    let url = support::url();
    let (credentials, place, _) = support::parts(&url);
    let prefix = support::prefix();
    let wrong = [
        (format!("amqp://{credentials}@{place}/no-such-host"), "no-such-host"),
        (format!("amqp://guest:s3cret-word@{place}/%2f"), "user, password"),
        (format!("amqp://s3cret-user:s3cret-word@{place}/%2f"), "user, password"),
    ];
    for (url, hint) in wrong {
        let refused = AmqpBroker::connect(support::config(&url, &prefix)).await.unwrap_err();
        let said = said(&refused);
        assert!(said.contains(hint) && said.contains(&place) && !said.contains("s3cret"), "{said}");
    }
}

#[test]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
fn everything_may_be_dropped_outside_of_a_runtime() {
    let prefix = support::prefix();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (broker, deliveries, calls) = runtime.block_on(async {
        let broker = connect(&prefix).await;
        let deliveries = broker.deliveries(ONE, 1).await.unwrap();
        let calls = broker.calls(ONE).await.unwrap();
        broker.publish(&[support::dispatch(1, Queue::Node(ONE))]).await.unwrap();
        (broker, deliveries, calls)
    });
    drop(deliveries);
    runtime.block_on(async { sleep(Duration::from_millis(200)).await });
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop((broker, calls));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(support::clean_up(prefix));
}
