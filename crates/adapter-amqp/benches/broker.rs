//! Messages a second through a real RabbitMQ: published with confirmation, and consumed with acknowledgement.
//!
//! `AMQP_URL=amqp://guest:guest@127.0.0.1:5672/%2f cargo bench -p adapter-amqp`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

#[path = "../tests/broker/support/raw.rs"]
mod raw;

use std::time::{Duration, Instant};

use adapter_amqp::{AmqpBroker, AmqpConfig};
use amqprs::channel::{ExchangeDeleteArguments, QueueDeleteArguments};
use control_plane::definition::HandlerName;
use control_plane::ports::{Broker, Deliveries, Dispatch, Publication, Queue};
use criterion::{Criterion, Throughput};
use scheduler_core::{DispatchId, InstanceId, Kind, TaskId};
use tokio::runtime::Runtime;

const NODE: InstanceId = InstanceId::new(1);
const MESSAGES: u16 = 10_000;
/// What a worker asks for at most at a time.
const BATCH: usize = 200;

fn dispatches() -> Vec<Dispatch> {
    let dispatch = |task| Dispatch {
        task: TaskId::new(task),
        dispatch: DispatchId::new(1_000_000 + task),
        kind: Kind::Job,
        handler: HandlerName::command(),
        queue: Queue::Node(NODE),
        trace: None,
    };
    (1..=i64::from(MESSAGES)).map(dispatch).collect()
}

async fn publish(broker: &AmqpBroker, dispatches: &[Dispatch], batch: usize) -> Duration {
    let start = Instant::now();
    for some in dispatches.chunks(batch) {
        let publications = broker.publish(some).await.unwrap();
        assert!(publications.iter().all(|one| *one == Publication::Confirmed));
    }
    start.elapsed()
}

async fn consume(deliveries: &mut dyn Deliveries) -> Duration {
    let start = Instant::now();
    let mut left = usize::from(MESSAGES);
    while left > 0 {
        left = left.saturating_sub(deliveries.next(BATCH).await.unwrap().len());
        deliveries.acknowledge().await.unwrap();
    }
    start.elapsed()
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, broker: &AmqpBroker) {
    let dispatches = dispatches();
    let mut group = criterion.benchmark_group("rabbitmq");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(MESSAGES)));
    for batch in [1000, usize::from(MESSAGES)] {
        group.bench_function(format!("publish confirmed, batches of {batch}"), |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(async {
                    let mut spent = Duration::ZERO;
                    for _ in 0..times {
                        spent += publish(broker, &dispatches, batch).await;
                        let mut deliveries = broker.deliveries(NODE, 1000).await.unwrap();
                        consume(deliveries.as_mut()).await;
                    }
                    spent
                })
            });
        });
    }
    group.bench_function("consume and acknowledge", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(async {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    publish(broker, &dispatches, dispatches.len()).await;
                    let mut deliveries = broker.deliveries(NODE, 1000).await.unwrap();
                    spent += consume(deliveries.as_mut()).await;
                }
                spent
            })
        });
    });
    group.finish();
}

/// Removes everything that the benchmark declared, by the driver's own means, since the port has none.
async fn clean_up(url: &str, prefix: &str) {
    let raw = raw::Raw::open(url).await;
    for name in ["shared", "rejected", "node.1"] {
        raw.channel.queue_delete(QueueDeleteArguments::new(&format!("{prefix}.{name}"))).await.unwrap();
    }
    for name in ["dispatch", "dead", "broadcast", "calls"] {
        let exchange = format!("{prefix}.{name}");
        raw.channel.exchange_delete(ExchangeDeleteArguments::new(&exchange)).await.unwrap();
    }
}

fn main() {
    let Ok(url) = std::env::var("AMQP_URL") else {
        println!("AMQP_URL is not set: name a RabbitMQ, as amqp://guest:guest@127.0.0.1:5672/%2f");
        return;
    };
    let prefix = format!("bench-{}", std::process::id());
    let runtime = Runtime::new().unwrap();
    let broker = runtime.block_on(async {
        let config = AmqpConfig::from_url(&url).unwrap().with_prefix(&prefix).unwrap();
        let broker = AmqpBroker::connect(config).await.unwrap();
        drop(broker.deliveries(NODE, 1).await.unwrap());
        broker
    });
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, &runtime, &broker);
    criterion.final_summary();
    drop(broker);
    runtime.block_on(clean_up(&url, &prefix));
}
