//! One overview, whatever it rests on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use control_plane::MemoryStore;
use control_plane::ports::{
    Admin as _, Clock, Joining, Launch, Launchable, Members as _, Passes as _, SystemClock,
};
use scheduler_core::{NodeType, Timestamp};
use serde_json::{Value, json};

use super::source::{Limits, Source};
use super::{Liveness, Overview};

const CLUSTER: &str = r#"
    [rules]
    default_groups = ["all"]
    heartbeat_grace = 30
    [[instance]]
    hostname = "node-a"
    capacity = 10
    [[group]]
    name = "all"
    instances = ["node-a"]
    [[system-job]]
    name = "clean-up"
    run = { handler = "noop" }
"#;

/// So many seconds after its epoch.
#[derive(Debug, Default)]
struct Stepped(AtomicI64);

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(self.0.load(Ordering::Relaxed))
    }
}

async fn store(clock: Arc<dyn Clock>) -> MemoryStore {
    let store = MemoryStore::new(clock);
    store.define(&toml::from_str(CLUSTER).unwrap()).await.unwrap();
    let joining = Joining {
        hostname: "node-a".to_owned(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: "1.2.3".to_owned(),
    };
    store.join(&joining).await.unwrap();
    store
}

fn source(store: &MemoryStore, unfinished: usize) -> Source {
    Source::new(Arc::new(store.clone()), Limits { unfinished, finished: 0 })
}

#[tokio::test]
async fn r8_1_a_lost_node_is_lost_with_stored_reasons_and_with_exact_ones() {
    let clock = Arc::new(Stepped::default());
    let source = source(&store(clock.clone()).await, 10);
    for (seconds, state) in [(30, Liveness::InUse), (31, Liveness::Lost)] {
        clock.0.store(seconds, Ordering::Relaxed);
        for overview in [source.take().await.unwrap(), source.take_decided().await.unwrap()] {
            assert_eq!(overview.nodes[0].state, state, "after {seconds} s");
        }
    }
}

#[tokio::test]
async fn stored_reasons_and_exact_ones_make_one_document() {
    let store = store(Arc::new(SystemClock)).await;
    let launch = || Launch::of(Launchable::SystemJob("clean-up".to_owned()));
    store.launch(&[launch(), launch(), launch()]).await.unwrap();
    let source = source(&store, 2);
    let json = |overview: Overview| serde_json::to_value(overview.document()).unwrap();
    let (stored, exact) = (json(source.take().await.unwrap()), json(source.take_decided().await.unwrap()));
    let fields = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&stored), fields(&exact));
    assert_eq!(stored["version"], 1);
    assert_eq!((&stored["pending"]["total"], &stored["counts"]["pending"]), (&json!(3), &json!(3)));
    assert_eq!(stored["pending"]["tasks"].as_array().map(Vec::len), Some(2), "the limit");
    let decided = exact["pending"]["tasks"][0].as_object().unwrap();
    assert_eq!(decided["decision"]["word"], "start");
    assert!(decided["decision"]["action"]["start"].is_object(), "as in a plan: {exact}");
    let mut plain = decided.clone();
    plain.remove("decision");
    assert_eq!(Value::from(plain), stored["pending"]["tasks"][0], "and nothing else differs");

    let mut pass = store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    pass.commit(&reading, &scheduler_core::plan(&reading.snapshot, &reading.rules)).await.unwrap();
    let places = source.take().await.unwrap().holding.tasks;
    assert_eq!(places.first().map(|row| &*row.place), Some("on node-a (all)"));
}
