//! Children whose output has nowhere to go.

use std::time::Duration;

use control_plane::ports::{Desk as _, Launch, Launchable, TaskStatus};
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
