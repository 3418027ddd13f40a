//! A whole control plane in one process: a node with a handler of its own, three launches, and how they end.
//!
//! `cargo run --example embedded`

use std::error::Error;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use control_plane::definition::{Definitions, HandlerName};
use control_plane::ports::{Admin as _, Launch, Launchable, SystemClock, TaskStatus};
use control_plane::{Context, Ending, Handler, Handlers, MemoryBroker, MemoryStore, Node};
use scheduler_core::TaskId;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a task of the templates below is told; any type that serde reads.
#[derive(Deserialize)]
struct Deployment {
    release: u32,
}

/// One machine, and a template that lets one job run at a time, as templates do unless they say otherwise (R2).
fn definitions() -> Result<Definitions, serde_json::Error> {
    serde_json::from_value(serde_json::json!({
        "rules": { "default_groups": ["all"] },
        "instance": [{ "hostname": "here", "capacity": 10 }],
        "group": [{ "name": "all", "instances": ["here"] }],
        "template": [{ "name": "deploy", "run": { "handler": "deploy", "payload": { "release": 1 } } }],
    }))
}

/// Refuses a release that never was; its words become the explanation of the task.
async fn deploy(wanted: Deployment, context: Context) -> Result<(), String> {
    if wanted.release == 0 {
        return Err("there is no release 0".to_owned());
    }
    println!("task {} deploys release {}", context.task, wanted.release);
    Ok(())
}

/// Launches three deployments, of which the second cannot succeed, and gives each with its status and explanation.
async fn run() -> Result<Vec<(TaskId, TaskStatus, String)>, Box<dyn Error + Send + Sync>> {
    let store = MemoryStore::new(Arc::new(SystemClock));
    store.define(&definitions()?).await?;

    // A hook hears of each end on this node, once its report is written; asking the store now and then would do, too.
    let (ends, mut heard) = mpsc::unbounded_channel();
    let tell = |ends: mpsc::UnboundedSender<TaskId>| {
        move |end: Ending| {
            ends.send(end.task).ok();
            ready(())
        }
    };
    let handlers = Handlers::none()
        .with(HandlerName::try_from("deploy")?, Handler::new(deploy))
        .on_success(tell(ends.clone()))
        .on_failure(tell(ends));
    let node = Node::builder(Arc::new(store.clone()), Arc::new(MemoryBroker::new()))
        .hostname("here")
        .handlers(handlers)
        .build();
    let stop = CancellationToken::new();
    let running = tokio::spawn(node.run(stop.clone()));

    let release = |release: u32| Launch {
        payload: Some(serde_json::json!({ "release": release })),
        ..Launch::of(Launchable::JobTemplate("deploy".into()))
    };
    let launched = store.launch(&[release(7), release(0), release(8)]).await?;
    for _ in &launched {
        heard.recv().await.ok_or("the node hears of each end")?;
    }

    // Takes nothing new, lets what runs end, writes the last reports, says goodbye.
    stop.cancel();
    running.await??;
    let mut ended = Vec::new();
    for id in launched {
        let task = store.task(id).await?.ok_or("a launched task is there")?;
        ended.push((id, task.status, task.explanation));
    }
    Ok(ended)
}

pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), run()).await };
    let ended = runtime.expect("a runtime starts").block_on(limited).expect("it ends").expect("it works");
    for (id, status, explanation) in &ended {
        println!("task {id} {}: {explanation}", status.token());
    }
    let statuses: Vec<TaskStatus> = ended.iter().map(|(_, status, _)| *status).collect();
    assert_eq!(statuses, [TaskStatus::Successful, TaskStatus::Failed, TaskStatus::Successful]);
    assert!(ended.iter().any(|(_, _, explanation)| explanation.contains("there is no release 0")));
}
