//! A whole life cycle across three node processes: update on launch, a workflow with an approval, slices.

use std::collections::BTreeSet;
use std::time::Duration;

use control_plane::ports::{Admin as _, TaskFilter, TaskStatus};
use scheduler_core::Kind;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::{Cluster, HOSTS, NodeProcess, PATIENCE};

fn writes(word: &str) -> serde_json::Value {
    json!({ "command": ["sh", "-c", format!("echo {word} $NODE >> begins; sleep 0.3; echo {word} $NODE >> ends")] })
}

async fn define(cluster: &Cluster) {
    cluster
        .define(json!({
            "project": [
                { "name": "code", "update_on_launch": true, "cache_timeout": 600, "run": writes("project") },
            ],
            "inventory": [{ "name": "hosts", "hosts": 4 }],
            "inventory-source": [
                { "name": "cloud", "inventory": "hosts", "update_on_launch": true, "cache_timeout": 600, "run": writes("source") },
            ],
            "template": [
                { "name": "deploy", "project": "code", "inventory": "hosts", "run": writes("deploy") },
                { "name": "many", "allow_simultaneous": true, "impact": 5, "run": writes("many") },
                { "name": "sliced", "slices": 3, "project": "code", "inventory": "hosts", "forks": 1, "run": writes("slice") },
                { "name": "breaks", "project": "code", "inventory": "hosts", "run": { "command": ["false"] } },
            ],
            "workflow": [{ "name": "release", "node": [
                { "name": "first", "starts": { "template": "deploy" }, "on_success": ["sure"] },
                { "name": "sure", "starts": { "approval": {} }, "on_success": ["breaks"] },
                { "name": "breaks", "starts": { "template": "breaks" }, "on_failure": ["slices"] },
                { "name": "slices", "starts": { "template": "sliced" } },
            ] }],
        }))
        .await;
}

/// Waits for the approval to wait for a word, and has it.
async fn approve(cluster: &Cluster) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let running = TaskFilter { statuses: vec![TaskStatus::Running], limit: 100 };
        let tasks = cluster.store.tasks(&running).await.unwrap();
        if let Some(approval) = tasks.iter().find(|task| task.kind == Kind::WorkflowApproval) {
            cluster.run(&["approve", &approval.id.to_string()]);
            return;
        }
        assert!(Instant::now() < deadline, "the approval comes: {tasks:#?}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn launches_updates_and_a_workflow_go_through_three_nodes_to_their_ends() {
    let cluster = Cluster::new("cycle").await;
    define(&cluster).await;
    let nodes: Vec<NodeProcess> = HOSTS.iter().map(|host| cluster.node(host)).collect();
    cluster.run(&["launch", "template:deploy"]);
    cluster.run(&["launch", "workflow:release"]);
    cluster.run(&["launch", "template:many", "--count", "24"]);
    approve(&cluster).await;
    let tasks = cluster.finished().await;

    let count = |kind: Kind| tasks.iter().filter(|task| task.kind == kind).count();
    assert_eq!(count(Kind::ProjectUpdate), 1, "one update serves both jobs (R4.3)");
    assert_eq!(count(Kind::InventoryUpdate), 1);
    assert_eq!(count(Kind::WorkflowJob), 2, "the workflow, and the slices in it");
    let unwell: Vec<_> = tasks.iter().filter(|task| task.status != TaskStatus::Successful).collect();
    assert!(matches!(unwell.as_slice(), [one] if one.name == "breaks"), "{unwell:#?}");

    let begins = cluster.lines("begins");
    let words: Vec<&str> = begins.iter().filter_map(|line| line.split(' ').next()).collect();
    let times = |word: &str| words.iter().filter(|other| **other == word).count();
    let counts = ["project", "source", "deploy", "slice", "many"].map(times);
    assert_eq!(counts, [1, 1, 2, 3, 24], "{words:?}");
    let first = |word: &str| words.iter().position(|other| *other == word).unwrap();
    assert!(first("project") < first("deploy") && first("source") < first("deploy"), "{words:?}");
    assert!(first("deploy") < first("slice"), "{words:?}");
    let places: BTreeSet<&str> = begins.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(places, BTreeSet::from(HOSTS), "every node had a part in it");

    cluster.run(&["status"]);
    for node in nodes {
        node.stop();
    }
    cluster.clean_up().await;
}
