//! Nodes that are killed and frozen at moments of nobody's choice.

use std::time::Duration;

use control_plane::ports::{Admin as _, Launch, Launchable, TaskStatus};
use serde_json::json;
use tokio::time::sleep;

use crate::support::{Cluster, HOSTS, NodeProcess};

/// Numbers that look like chance and are the same on every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_nodes_that_are_killed_again_and_again_lose_nothing_and_run_nothing_twice() {
    let mut cluster = Cluster::new("kills").await;
    cluster.define_work(0.1).await;
    let mut nodes: Vec<NodeProcess> = HOSTS.iter().map(|host| cluster.node(host)).collect();
    let mut chance = Chance(20_261_124);
    for _ in 0..25 {
        assert!(cluster.launch_work(6).await);
        sleep(Duration::from_millis(chance.below(400))).await;
        let victim = usize::try_from(chance.below(3)).unwrap();
        nodes[victim].kill();
        sleep(Duration::from_millis(chance.below(200))).await;
        nodes[victim] = cluster.node(HOSTS[victim]);
    }
    assert!(cluster.launch_work(6).await);
    let failed = cluster.account().await;
    assert!(failed < 150, "what was launched last is run by nodes that live: {failed} failed");
    for node in nodes {
        node.stop();
    }
    cluster.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r8_1_a_node_frozen_past_its_heartbeat_wakes_to_find_its_tasks_given_up() {
    let mut cluster = Cluster::new("frozen").await;
    cluster.define_work(4.0).await;
    let frozen = cluster.node(HOSTS[0]);
    assert!(cluster.launch_work(5).await);
    cluster.begun(5).await;
    frozen.signal("STOP");
    let other = cluster.node(HOSTS[1]);
    assert!(cluster.launch_work(5).await);
    let failed = cluster.account().await;
    assert_eq!(failed, 5, "what the frozen node ran is given up, and the rest is run by the other");
    frozen.signal("CONT");
    assert!(cluster.launch_work(20).await);
    assert_eq!(
        cluster.account().await,
        5,
        "awake again, it reports nothing of what it ran and takes new work"
    );
    frozen.stop();
    other.stop();
    cluster.clean_up().await;
}

/// Whether a process has not ended; a zombie has.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).is_some_and(|state| state != 'Z')
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r8_1_what_a_frozen_node_runs_ends_before_what_it_excludes_starts_elsewhere() {
    let cluster = Cluster::new("ice").await;
    let run = json!({ "command": ["sh", "-c", "echo $$ >> pids; sleep 100; echo >> ends"] });
    cluster.define(json!({ "template": [{ "name": "alone", "impact": 1, "run": run }] })).await;
    let frozen = cluster.node(HOSTS[0]);
    let alone = Launch::of(Launchable::JobTemplate("alone".into()));
    let ids = cluster.store.launch(&[alone.clone(), alone]).await.unwrap();
    cluster.written("pids", 1).await;
    frozen.signal("STOP");
    let other = cluster.node(HOSTS[1]);
    cluster.written("pids", 2).await;
    let pids = cluster.lines("pids");
    assert!(!lives(&pids[0]), "one at a time, whoever runs it");
    assert!(lives(&pids[1]));
    frozen.signal("CONT");
    cluster.store.cancel(&ids).await.unwrap();
    let tasks = cluster.finished().await;
    let status = |at: usize| tasks.iter().find(|task| task.id == ids[at]).unwrap().status;
    assert_eq!([status(0), status(1)], [TaskStatus::Failed, TaskStatus::Canceled]);
    assert!(cluster.lines("ends").is_empty());
    frozen.stop();
    other.stop();
    cluster.clean_up().await;
}
