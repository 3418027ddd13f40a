//! Whatever breaks between a node and its broker, nothing is lost; what is in doubt comes twice.

use std::collections::BTreeSet;
use std::time::Duration;

use adapter_amqp::AmqpBroker;
use amqprs::channel::QueueDeleteArguments;
use control_plane::ports::{Broker, BrokerError, Call, Deliveries, Publication, Queue, Recipient, Request};
use scheduler_core::InstanceId;
use tokio::time::{sleep, timeout};

use crate::support::relay::Relay;
use crate::support::{self, Raw};

const ONE: InstanceId = InstanceId::new(1);
const LONG: Duration = Duration::from_secs(60);

/// A broker behind a relay.
struct Setting {
    broker: AmqpBroker,
    relay: Relay,
    prefix: String,
}

async fn setting() -> Setting {
    let url = support::url();
    let (credentials, place, path) = support::parts(&url);
    let relay = Relay::to(&place).await;
    let prefix = support::prefix();
    let relayed = format!("amqp://{credentials}@{}/{path}", relay.place());
    let config = support::config(&relayed, &prefix).with_confirm_timeout(Duration::from_secs(20));
    Setting { broker: AmqpBroker::new(config), relay, prefix }
}

impl Setting {
    async fn clean_up(self) {
        drop(self.broker);
        support::clean_up(self.prefix).await;
    }

    async fn listen(&self) -> Box<dyn Deliveries> {
        timeout(LONG, self.broker.deliveries(ONE, 200)).await.expect("in time").unwrap()
    }

    /// Publishes as a relay does: again, as long as the broker says that it may help.
    async fn publish(&self, tasks: impl Iterator<Item = i64>) -> usize {
        let dispatches: Vec<_> = tasks.map(|task| support::dispatch(task, Queue::Node(ONE))).collect();
        let mut failures = 0;
        loop {
            match timeout(LONG, self.broker.publish(&dispatches)).await.expect("in time") {
                Ok(publications) => {
                    assert!(publications.iter().all(|one| *one == Publication::Confirmed));
                    return failures;
                }
                Err(BrokerError::Unavailable { .. }) => failures += 1,
                Err(other) => assert!(other.to_string().is_empty(), "{other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_connection_cut_while_publishing_loses_nothing() {
    let setting = setting().await;
    drop(setting.listen().await);
    setting.publish(0..1).await;
    let cutting = async {
        for _ in 0..3 {
            sleep(Duration::from_millis(100)).await;
            setting.relay.cut();
        }
    };
    let ((), failures) = tokio::join!(cutting, setting.publish(1..20_000));
    assert!(failures > 0, "no cut met the batch: the test shows nothing");
    let mut deliveries = setting.listen().await;
    let mut tasks = BTreeSet::new();
    while tasks.len() < 20_000 {
        let some = timeout(LONG, deliveries.next(200)).await.expect("a dispatch is lost").unwrap();
        tasks.extend(some.iter().map(|one| one.task.get()));
        deliveries.acknowledge().await.unwrap();
    }
    drop(deliveries);
    setting.clean_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_connection_cut_while_consuming_loses_nothing() {
    let setting = setting().await;
    drop(setting.listen().await);
    setting.publish(0..5000).await;
    let mut tasks = BTreeSet::new();
    let mut cuts = 0;
    let mut failures = 0;
    while tasks.len() < 5000 {
        let mut deliveries = setting.listen().await;
        while let Ok(some) = timeout(LONG, deliveries.next(50)).await.expect("a dispatch is lost") {
            // Whatever was handed out is claimed, whether the acknowledgement gets through or not.
            tasks.extend(some.iter().map(|one| one.task.get()));
            if tasks.len() >= (cuts + 1) * 1000 {
                cuts += 1;
                setting.relay.cut();
            }
            if deliveries.acknowledge().await.is_err() || tasks.len() == 5000 {
                break;
            }
        }
        failures += 1;
    }
    assert!(failures > 1, "no cut met the consumer: the test shows nothing");
    setting.clean_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_call_waits_for_a_broker_that_comes_back_and_gives_up_on_one_that_does_not() {
    let mut setting = setting().await;
    drop(setting.listen().await);
    setting.relay.close().await;
    let (credentials, _, path) = support::parts(&support::url());
    let hasty = format!("amqp://{credentials}@{}/{path}", setting.relay.place());
    let hasty = support::config(&hasty, &setting.prefix).with_patience(Duration::from_millis(500));
    let hasty = AmqpBroker::new(hasty);
    let dispatches = [support::dispatch(1, Queue::Node(ONE))];
    let gave_up = timeout(LONG, hasty.publish(&dispatches)).await.expect("it gives up").unwrap_err();
    assert!(matches!(gave_up, BrokerError::Unavailable { .. }), "{gave_up}");
    let gave_up = timeout(LONG, hasty.deliveries(ONE, 1)).await.expect("it gives up");
    assert!(matches!(gave_up, Err(BrokerError::Unavailable { .. })));

    let (published, ()) = tokio::join!(setting.broker.publish(&dispatches), async {
        sleep(Duration::from_millis(500)).await;
        setting.relay.open().await;
    });
    assert_eq!(published.unwrap(), [Publication::Confirmed]);
    setting.clean_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_broker_that_falls_silent_is_given_up() {
    let url = support::url();
    let (credentials, place, path) = support::parts(&url);
    let relay = Relay::to(&place).await;
    let prefix = support::prefix();
    let config = support::config(&format!("amqp://{credentials}@{}/{path}", relay.place()), &prefix)
        .with_confirm_timeout(Duration::from_millis(500));
    let broker = AmqpBroker::connect(config).await.unwrap();
    drop(broker.deliveries(ONE, 1).await.unwrap());
    let dispatches = [support::dispatch(1, Queue::Node(ONE))];
    assert_eq!(broker.publish(&dispatches).await.unwrap(), [Publication::Confirmed]);
    relay.freeze();
    let silent = timeout(LONG, broker.publish(&dispatches)).await.expect("it gives up").unwrap_err();
    assert!(matches!(silent, BrokerError::Unavailable { .. }), "{silent}");
    relay.thaw();
    assert_eq!(broker.publish(&dispatches).await.unwrap(), [Publication::Confirmed]);
    drop(broker);
    support::clean_up(prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_queue_deleted_under_its_consumer_ends_it_and_the_next_one_declares_it_anew() {
    for name in ["node.1", "shared"] {
        let setting = setting().await;
        let mut deliveries = setting.listen().await;
        let raw = Raw::open(&support::url()).await;
        let queue = format!("{}.{name}", setting.prefix);
        raw.channel.queue_delete(QueueDeleteArguments::new(&queue)).await.unwrap();
        let ended = timeout(LONG, deliveries.next(1)).await.expect("it ends");
        assert!(matches!(ended, Err(BrokerError::Unavailable { .. })), "{ended:?}");
        drop(deliveries);
        let mut deliveries = setting.listen().await;
        setting.publish(1..=1).await;
        assert_eq!(timeout(LONG, deliveries.next(1)).await.expect("it comes").unwrap().len(), 1);
        drop(deliveries);
        setting.clean_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_listener_that_was_cut_ends_and_the_next_one_listens_at_once() {
    let setting = setting().await;
    let mut calls = setting.broker.calls(ONE).await.unwrap();
    setting.relay.cut();
    let ended = timeout(LONG, calls.next()).await.expect("it ends");
    assert!(matches!(ended, Err(BrokerError::Unavailable { .. })), "{ended:?}");
    let mut calls = setting.broker.calls(ONE).await.unwrap();
    let asking = setting.broker.request(&Recipient::Node(ONE), &Request::Reload, LONG);
    let answering = async {
        if let Call::Request(_, to) = timeout(LONG, calls.next()).await.expect("it comes").unwrap() {
            calls.reply(to, &control_plane::ports::Reply::Canceling(true)).await.unwrap();
        }
    };
    let (answers, ()) = tokio::join!(asking, answering);
    assert_eq!(answers.unwrap()[0].0, ONE);
    drop(calls);
    setting.clean_up().await;
}
