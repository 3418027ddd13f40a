//! Servers that are stopped, killed and started again under running nodes: servers of these tests' own.

use std::time::Duration;

use testkit::servers::{PrivateServers, Server, amqp_url, database_url};
use tokio::time::sleep;

use crate::support::{Cluster, HOSTS, NodeProcess};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_3_a_database_that_is_restarted_in_the_middle_of_passes_loses_nothing() {
    let mut servers = PrivateServers::start(Some(Server::Postgres));
    let mut cluster = Cluster::at("restarts", servers.url(Server::Postgres).into(), amqp_url()).await;
    cluster.define_work(0.1).await;
    let nodes: Vec<NodeProcess> = HOSTS.iter().map(|host| cluster.node(host)).collect();
    for round in 0..6 {
        assert!(cluster.launch_work(30).await);
        // The launch has woken a pass, and its messages, claims and reports follow: somewhere among them.
        sleep(Duration::from_millis(10 + 60 * round)).await;
        if round % 2 == 0 {
            servers.stop(Server::Postgres);
        } else {
            servers.kill(Server::Postgres);
        }
        servers.start_again(Server::Postgres);
        while !cluster.launch_work(5).await {
            sleep(Duration::from_millis(100)).await;
        }
    }
    let failed = cluster.account().await;
    assert_eq!(failed, 0, "no outage was longer than the heartbeat grace");
    for node in nodes {
        node.stop();
    }
    cluster.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_4_a_broker_that_is_stopped_for_half_a_minute_loses_nothing() {
    let mut servers = PrivateServers::start(Some(Server::RabbitMq));
    let mut cluster = Cluster::at("outage", database_url(), servers.url(Server::RabbitMq).into()).await;
    cluster.define_work(0.1).await;
    let nodes: Vec<NodeProcess> = HOSTS.iter().map(|host| cluster.node(host)).collect();
    assert!(cluster.launch_work(30).await);
    cluster.begun(1).await;
    servers.stop(Server::RabbitMq);
    assert!(cluster.launch_work(30).await, "launches need no broker");
    sleep(Duration::from_secs(30)).await;
    assert!(cluster.launch_work(30).await);
    servers.start_again(Server::RabbitMq);
    assert!(cluster.launch_work(30).await);
    assert_eq!(cluster.account().await, 0, "nodes whose broker is gone live on");
    servers.kill(Server::RabbitMq);
    assert!(cluster.launch_work(30).await);
    servers.start_again(Server::RabbitMq);
    assert_eq!(cluster.account().await, 0, "what the broker had confirmed it still has, or it is sent again");
    for node in nodes {
        node.stop();
    }
    cluster.clean_up().await;
}
