//! Children whose output has nowhere to go.

use std::time::Duration;

use control_plane::ports::{Admin as _, Launch, Launchable, TaskStatus};
use serde_json::json;

use crate::support::{Cluster, HOSTS};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn a_full_disk_and_endless_output_are_the_childs_trouble_alone() {
    let cluster = Cluster::new("output").await;
    let template = |name: &str, script: &str, timeout: u32| {
        let run = json!({ "command": ["sh", "-c", script], "timeout": timeout });
        json!({ "name": name, "allow_simultaneous": true, "impact": 1, "run": run })
    };
    cluster
        .define(json!({
            "template": [
                template("full", "head -c 10 /dev/zero > /dev/full", 60),
                template("endless", "echo first; yes", 2),
                template("plain", "echo here", 60),
            ],
        }))
        .await;
    let node = cluster.node(HOSTS[0]);
    let launch = |name: &str| Launch::of(Launchable::JobTemplate(name.into()));
    let ids = cluster.store.launch(&[launch("full"), launch("endless"), launch("plain")]).await.unwrap();
    let tasks = cluster.finished().await;
    let status = |at: usize| tasks.iter().find(|task| task.id == ids[at]).unwrap().status;
    assert_eq!(
        [status(0), status(1), status(2)],
        [TaskStatus::Failed, TaskStatus::Failed, TaskStatus::Successful]
    );
    let full = cluster.store.output(ids[0]).await.unwrap().unwrap();
    assert!(full.text.contains("No space left"), "{}", full.text);
    let endless = cluster.store.output(ids[1]).await.unwrap().unwrap();
    assert!(endless.truncated && endless.text.starts_with("first\n"));
    assert!(endless.text.len() < 256 * 1024, "{}", endless.text.len());
    assert_eq!(cluster.store.output(ids[2]).await.unwrap().unwrap().text, "here\n");
    tokio::time::sleep(Duration::from_millis(100)).await;
    node.stop();
    cluster.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn a_task_that_prints_its_environment_stores_no_password_of_the_scheduler() {
    let cluster = Cluster::new("environment").await;
    let run = json!({ "command": ["env"] });
    cluster.define(json!({ "template": [{ "name": "env", "impact": 1, "run": run }] })).await;
    let node = cluster.node(HOSTS[0]);
    let ids = cluster.store.launch(&[Launch::of(Launchable::JobTemplate("env".into()))]).await.unwrap();
    cluster.finished().await;
    let printed = cluster.store.output(ids[0]).await.unwrap().unwrap().text;
    assert!(printed.contains("PATH=") && printed.contains("SCHEDULER_TASK="), "{printed}");
    for secret in ["DATABASE_URL", "AMQP_URL", "postgres://", "amqp://"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    node.stop();
    cluster.clean_up().await;
}
