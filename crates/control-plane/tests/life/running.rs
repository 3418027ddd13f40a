//! What can be asked of nodes that run.

use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Admin as _, Broadcast, Broker as _, Recipient, Reply, Request, TaskStatus};
use control_plane::{BroadcastHandler, PoolBounds, Reloaded, Roles};
use scheduler_core::{Forks, InstanceId};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::bench::{Bench, handlers, name};

const LIMIT: Duration = Duration::from_secs(5);

impl Bench {
    async fn instance(&self, hostname: &str) -> InstanceId {
        self.store.nodes().await.unwrap().into_iter().find(|node| node.hostname == hostname).unwrap().id
    }

    async fn ask(&self, hostname: &str, request: Request) -> Reply {
        let node = self.instance(hostname).await;
        let answers = self.broker.request(&Recipient::Node(node), &request, LIMIT).await.unwrap();
        let [(from, reply)] = answers.try_into().unwrap();
        assert_eq!(from, node);
        reply
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_says_how_it_is_and_what_it_runs_and_cancels_on_request() {
    let bench = Bench::new().await;
    let node = bench.start(bench.node("node-1").version("9.9"));
    let task = bench.launch("slow").await;
    bench.until(task, TaskStatus::Running).await;
    let Reply::Status(status) = bench.ask("node-1", Request::Status).await else { panic!("no status") };
    assert_eq!((status.hostname.as_str(), status.version.as_str(), status.busy), ("node-1", "9.9", 1));
    assert_eq!(status.roles, ["scheduler", "relay", "worker"]);
    let Reply::Running(running) = bench.ask("node-1", Request::Running).await else { panic!("no list") };
    assert_eq!((running[0].task, running[0].handler.as_str(), running.len()), (task, "slow", 1));
    assert_eq!(bench.ask("node-1", Request::Cancel(task)).await, Reply::Canceling(true));
    bench.until(task, TaskStatus::Canceled).await;
    assert_eq!(bench.ask("node-1", Request::Cancel(task)).await, Reply::Canceling(false));
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_reads_its_configuration_again_or_says_why_not() {
    let bench = Bench::new().await;
    let bounds = PoolBounds { least: 1, most: 2 };
    let good = bench.node("node-1").on_reload(move || {
        std::future::ready(Ok(Reloaded { pool: Some(bounds), summary: "a smaller pool".into() }))
    });
    let bad = bench.node("node-2").on_reload(|| std::future::ready(Err("no such file".into())));
    let nodes = [bench.start(good), bench.start(bad)];
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.ask("node-1", Request::Reload).await, Reply::Reloaded("a smaller pool".into()));
    assert_eq!(bench.ask("node-2", Request::Reload).await, Reply::Failed("no such file".into()));
    let Reply::Status(status) = bench.ask("node-1", Request::Status).await else { panic!("no status") };
    assert_eq!(status.bounds, (1, 2));
    for node in nodes {
        node.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_every_node_and_a_bad_one_harms_none() {
    let bench = Bench::new().await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let nodes = ["node-1", "node-2"].map(|hostname| {
        let sender = sender.clone();
        let handler = BroadcastHandler::new(move |word: String| {
            let sender = sender.clone();
            async move {
                assert_ne!(word, "panic", "on purpose");
                sender.send((hostname, word)).unwrap();
            }
        });
        bench.start(bench.node(hostname).handlers(handlers().with_broadcast(name("word"), handler)))
    });
    sleep(Duration::from_secs(1)).await;
    for (handler, payload) in
        [("word", "panic".into()), ("word", 7.into()), ("other", "x".into()), ("word", "hello".into())]
    {
        let broadcast: Broadcast = Broadcast { handler: name(handler), payload };
        bench.broker.broadcast(&broadcast).await.unwrap();
    }
    let mut all = [heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    all.sort_unstable();
    assert_eq!(all, [("node-1", "hello".to_owned()), ("node-2", "hello".to_owned())]);
    for node in nodes {
        node.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_does_what_its_roles_say_and_no_more() {
    let bench = Bench::new().await;
    let control = bench.node("control").capacity(Forks::new(100));
    let control = bench.start(control.roles(Roles { worker: false, ..Roles::ALL }));
    let worker = bench.start(bench.node("node-1").roles(Roles { worker: true, ..Roles::NONE }));
    let task = bench.launch("quick").await;
    let done = bench.until(task, TaskStatus::Successful).await;
    assert_eq!(done.node, Some(bench.instance("node-1").await));
    let nodes = bench.store.nodes().await.unwrap();
    let joined = nodes.iter().find(|node| node.hostname == "control").unwrap();
    assert_eq!(joined.capacity, Forks::ZERO, "nothing may be sent to a node that runs nothing");
    worker.stop().await.unwrap();
    control.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_is_ready_between_joining_and_stopping() {
    let bench = Bench::new().await;
    let node = bench.node("node-1").build();
    let health = node.health();
    assert!(!health.is_ready());
    let shutdown = tokio_util::sync::CancellationToken::new();
    let ended = tokio::spawn(node.run(shutdown.clone()));
    sleep(Duration::from_secs(60)).await;
    assert!(health.is_ready());
    shutdown.cancel();
    ended.await.unwrap().unwrap();
    assert!(!health.is_ready());
    assert_eq!(Arc::strong_count(&health), 1);
}
