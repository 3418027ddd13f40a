//! Connections that break: to the store in the middle of passes, to the broker while messages are in flight, both for a while.

use std::time::Duration;

use control_plane::ports::TaskStatus;
use testkit::servers::{Relay, address_of, amqp_url, database_url, through};
use tokio::time::sleep;

use crate::cluster::Cluster;

/// How many tasks are launched each time.
const TASKS: usize = 60;

/// A node behind two relays works while this befalls them; in the end every task was run, once.
async fn with_relays(what_for: &str, befalls: impl AsyncFnOnce(&Relay, &Relay)) -> usize {
    let cluster = Cluster::new(what_for).await;
    let database = Relay::to(address_of(&database_url())).await;
    let amqp = Relay::to(address_of(&amqp_url())).await;
    let node = cluster
        .node_at(
            "node-a",
            None,
            &through(&database_url(), database.address()),
            &through(&amqp_url(), amqp.address()),
        )
        .await;
    let mut launched = cluster.launch("quick", TASKS).await;
    cluster.until(TaskStatus::Successful, 1).await;
    launched.extend(cluster.launch("quick", TASKS).await);
    befalls(&database, &amqp).await;
    launched.extend(cluster.launch("quick", TASKS).await);
    cluster.finished().await;
    node.stop().await;
    let tasks = cluster.judge(&launched).await;
    tasks.iter().filter(|task| task.status != TaskStatus::Successful).count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_connections_that_are_cut_again_and_again_lose_nothing() {
    let unwell = with_relays("cuts", async |database, amqp| {
        for _ in 0..8 {
            sleep(Duration::from_millis(120)).await;
            database.cut();
            sleep(Duration::from_millis(80)).await;
            amqp.cut();
        }
    })
    .await;
    assert_eq!(unwell, 0, "no break was long enough to lose a node");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_a_broker_out_of_reach_for_a_while_loses_nothing() {
    let unwell = with_relays("broker", async |_, amqp| {
        amqp.down();
        sleep(Duration::from_secs(8)).await;
        amqp.up();
    })
    .await;
    assert_eq!(unwell, 0, "what could not be sent was sent later, and under one dispatch was run once");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_a_broker_that_falls_silent_loses_nothing() {
    let unwell = with_relays("silent", async |_, amqp| {
        amqp.silence();
        sleep(Duration::from_secs(5)).await;
        amqp.up();
    })
    .await;
    assert_eq!(unwell, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_a_store_out_of_reach_for_longer_than_a_heartbeat_may_take_loses_nothing() {
    // What ran meanwhile may be given up, since nobody heard of its node; it has ended then, with the reason, and never runs
    // a second time.
    let unwell = with_relays("store", async |database, _| {
        database.down();
        sleep(Duration::from_secs(6)).await;
        database.up();
    })
    .await;
    assert!(unwell < 3 * TASKS, "what was launched afterwards is run");
}
