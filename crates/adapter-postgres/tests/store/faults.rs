//! Holders that freeze, connections that die, and errors that tell nothing they should not.

use std::time::Duration;

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::ports::{
    Counts as _, Joining, Members as _, Outbox as _, Passes as _, StoreError, Wake, Wakes as _,
};
use scheduler_core::{NodeType, plan};

use crate::base::Base;

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_1_a_frozen_holder_loses_the_lock_and_cannot_commit() {
    let base = Base::new().await;
    base.jobs(1).await;
    let frozen = PostgresStore::connect(base.config().pass_timeout(Duration::from_millis(200))).unwrap();
    let mut pass = frozen.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    assert!(base.store.begin().await.unwrap().is_none(), "the lock is held");
    let next = loop {
        if let Some(next) = base.store.begin().await.unwrap() {
            break next;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    drop(next);
    let decided = plan(&reading.snapshot, &reading.rules);
    let late = pass.commit(&reading, &decided).await;
    assert!(matches!(late, Err(StoreError::Unavailable { .. })), "{late:?}");
    assert_eq!(base.ask("SELECT count(*) FROM {s}.outbox").await, "0");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_1_the_lock_dies_with_its_connection_and_the_store_mends_itself() {
    let base = Base::new().await;
    base.jobs(1).await;
    let mut wakeups = base.store.wakeups().await.unwrap();
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    base.cut().await;
    let decided = plan(&reading.snapshot, &reading.rules);
    let late = pass.commit(&reading, &decided).await;
    assert!(late.as_ref().is_err_and(StoreError::is_transient), "{late:?}");
    let again = loop {
        match base.store.begin().await {
            Ok(again) => break again.expect("nobody holds the lock any more"),
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    };
    drop(again);
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task WHERE status = 'waiting'").await, "0");
    let mut heard = Vec::new();
    while !heard.contains(&Wake::Orders) {
        heard.push(wakeups.next().await.unwrap());
    }
    assert!(heard.contains(&Wake::Schedule) && heard.contains(&Wake::Outbox), "{heard:?}");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_4_a_relay_whose_connection_dies_gives_its_messages_to_the_next() {
    let base = Base::new().await;
    let node = Joining {
        hostname: "a".into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: String::new(),
    };
    base.store.join(&node).await.unwrap();
    base.jobs(2).await;
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &decided).await.unwrap();
    let batch = base.store.unsent(10).await.unwrap();
    let ids: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 2);
    base.cut().await;
    assert!(batch.settle(&ids).await.is_err_and(|error| error.is_transient()));
    let again = loop {
        match base.store.unsent(10).await {
            Ok(again) => break again,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    };
    assert_eq!(again.messages().iter().map(|message| message.id).collect::<Vec<_>>(), ids);
    again.settle(&ids).await.unwrap();
    assert_eq!(base.ask("SELECT count(*) FROM {s}.outbox").await, "0");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_dropped_pass_or_batch_leaves_no_transaction_in_the_pool() {
    let base = Base::new().await;
    base.jobs(2).await;
    let store = PostgresStore::connect(base.config().pool_size(3)).unwrap();
    for _ in 0..10 {
        let mut pass = store.begin().await.unwrap().expect("the pass before gave the lock back");
        let reading = pass.read().await.unwrap();
        assert_eq!(reading.snapshot.tasks.len(), 2);
        drop(pass);
        drop(store.unsent(5).await.unwrap());
        drop(store.begin());
    }
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn no_error_shows_a_password() {
    let secret = "hunter2";
    let dead =
        PostgresStore::connect(PostgresConfig::new(format!("postgres://u:{secret}@127.0.0.1:9/x"))).unwrap();
    let error = dead.statistics().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(!format!("{error:?} {error} {dead:?}").contains(secret));
    for wrong in [
        format!("postgres://u:{secret}@[::1/x"),
        format!("nonsense {secret}"),
        format!("postgres://u:{secret}/x"),
    ] {
        let error = PostgresStore::connect(PostgresConfig::new(wrong)).unwrap_err();
        assert!(!format!("{error:?} {error}").contains(secret), "{error}");
    }
}

#[test]
fn mistakes_of_configuration_say_what_to_do() {
    let refused = |config: PostgresConfig| match PostgresStore::connect(config) {
        Err(StoreError::Refused(message)) => message,
        other => panic!("{other:?}"),
    };
    let url = "postgres://u@127.0.0.1/x";
    assert!(refused(PostgresConfig::new(url).pool_size(2)).contains("at least 3"));
    assert!(refused(PostgresConfig::new(url).schema("a b")).contains("letters"));
    assert!(refused(PostgresConfig::new("what")).contains("postgres://"));
    if cfg!(not(feature = "tls")) {
        assert!(refused(PostgresConfig::new(format!("{url}?sslmode=require"))).contains("feature `tls`"));
    }
}
