//! A broker with names of its own for each test, and what removes them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adapter_amqp::AmqpConfig;
use amqprs::channel::{ExchangeDeleteArguments, QueueDeleteArguments};
use control_plane::definition::HandlerName;
use control_plane::ports::{Dispatch, Queue};
use scheduler_core::{DispatchId, Kind, TaskId};

pub(crate) mod raw;
pub(crate) mod relay;

pub(crate) use raw::{Raw, parts};

/// The broker to test with.
pub(crate) fn url() -> String {
    std::env::var("AMQP_URL").expect("AMQP_URL names a RabbitMQ, as amqp://guest:guest@127.0.0.1:5672/%2f")
}

/// A prefix that no other test has.
pub(crate) fn prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    format!("test-{}-{now}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Names of this prefix at this URL, and little patience.
pub(crate) fn config(url: &str, prefix: &str) -> AmqpConfig {
    AmqpConfig::from_url(url).unwrap().with_prefix(prefix).unwrap().with_patience(Duration::from_secs(20))
}

/// Deletes whatever a test with the nodes 1 to 3 declares under a prefix.
pub(crate) async fn clean_up(prefix: String) {
    let raw = Raw::open(&url()).await;
    for name in ["shared", "rejected", "node.1", "node.2", "node.3"] {
        let queue = format!("{prefix}.{name}");
        raw.channel.queue_delete(QueueDeleteArguments::new(&queue)).await.unwrap();
    }
    for name in ["dispatch", "dead", "broadcast", "calls"] {
        let exchange = format!("{prefix}.{name}");
        raw.channel.exchange_delete(ExchangeDeleteArguments::new(&exchange)).await.unwrap();
    }
}

pub(crate) fn dispatch(task: i64, queue: Queue) -> Dispatch {
    Dispatch {
        task: TaskId::new(task),
        dispatch: DispatchId::new(task * 10),
        kind: Kind::Job,
        handler: HandlerName::command(),
        queue,
        trace: None,
    }
}
