//! What the server's operator notices of a healthy node: no warnings, and few connections.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use adapter_postgres::PostgresStore;
use control_plane::definition::DefinitionKind;
use control_plane::ports::{
    Admin as _, Counts as _, Joining, Members as _, Outbox as _, Passes as _, TaskFilter, Work as _,
};
use scheduler_core::{NodeType, plan};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::base::{Base, definitions};

thread_local! {
    /// What was said on this thread, which is what one test made be said: its runtime has no other thread.
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps warnings and worse. It is there for all tests of this program: one that came and went with a test would be asked by some
/// places in the code before it is there, and no more once it is.
struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        SAID.with_borrow_mut(|said| said.push(words.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

/// Everything that a node does again and again, and what people ask of it.
async fn a_round(base: &Base) {
    let (store, node) = (
        &base.store,
        Joining {
            hostname: "a".into(),
            node_type: NodeType::Hybrid,
            capacity: None,
            takes_work: true,
            version: String::new(),
        },
    );
    let member = store.join(&node).await.unwrap().member;
    store.unsent(10).await.unwrap().settle(&[]).await.unwrap();
    let jobs = base.jobs(3).await;
    let mut pass = store.begin().await.unwrap().unwrap();
    assert!(store.begin().await.unwrap().is_none());
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &decided).await.unwrap();
    drop(store.begin().await.unwrap());
    drop(store.unsent(10).await.unwrap());
    let batch = store.unsent(10).await.unwrap();
    let sent: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
    let asked: Vec<_> =
        batch.messages().iter().map(|one| (one.dispatch.task, one.dispatch.dispatch)).collect();
    batch.settle(&sent).await.unwrap();
    store.claim(member, &asked).await.unwrap();
    store.orders(&asked).await.unwrap();
    store.beat(member).await.unwrap();
    store.heartbeat_grace().await.unwrap();
    store.cancel(&jobs).await.unwrap();
    store.define(&definitions()).await.unwrap();
    store.remove(DefinitionKind::Group, "unknown").await.unwrap();
    store.definitions().await.unwrap();
    store.statistics().await.unwrap();
    store.tasks(&TaskFilter::default()).await.unwrap();
    store.migrate().await.unwrap();
    store.unsent(10).await.unwrap().settle(&[]).await.unwrap();
    store.drain(member).await.unwrap();
    store.leave(member).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_node_leaves_no_warning_in_the_log_of_the_server() {
    tracing::subscriber::set_global_default(Warnings).expect("no other test has one");
    let base = Base::new().await;
    base.run(
        "CREATE FUNCTION {s}.warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'on purpose'; RETURN NULL; END $$;
        CREATE TRIGGER warn AFTER INSERT ON {s}.task FOR EACH STATEMENT EXECUTE FUNCTION {s}.warn()",
    )
    .await;
    base.jobs(1).await;
    assert!(!SAID.take().is_empty(), "a warning of the server would be seen");
    base.run("DROP TRIGGER warn ON {s}.task").await;
    a_round(&base).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(SAID.take(), Vec::<String>::new());
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn connections_that_nobody_uses_are_closed() {
    let base = Base::new().await;
    let mut config = base.config();
    config.url.push_str("_idle");
    let store = PostgresStore::connect(config).unwrap();
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.read().await.map(drop) })
        })
        .collect();
    for call in busy {
        call.await.unwrap().unwrap();
    }
    let open = async || {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{s}_idle'";
        base.ask(count).await.parse::<u32>().unwrap()
    };
    assert!(open().await > 2);
    // What an idle node asks for: heartbeats and the outbox.
    for _ in 0..120 {
        store.heartbeat_grace().await.unwrap();
        store.unsent(10).await.unwrap();
        if open().await <= 2 {
            return base.end().await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{} connections are open", open().await);
}
