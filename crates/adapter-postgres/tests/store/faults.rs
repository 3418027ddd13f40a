//! Holders that freeze, connections that die, and errors that tell nothing they should not.

use std::time::Duration;

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::ports::{Desk as _, Outbox as _, Passes as _, StoreError, Wake, Wakes as _};
use scheduler_core::plan;

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
    base.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE application_name = 'scheduler' AND datname = current_database() AND query LIKE '%{s}%'",
    )
    .await;
    base.run(
        "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l WHERE l.locktype = 'advisory'
            AND l.pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'scheduler'
                AND query LIKE '%{s}%')",
    )
    .await;
    let decided = plan(&reading.snapshot, &reading.rules);
    // The connection of the pass spoke of no table when it took the lock; end whoever still holds one.
    let late = pass.commit(&reading, &decided).await;
    if late.is_err() {
        assert!(late.unwrap_err().is_transient());
    }
    let again = loop {
        match base.store.begin().await {
            Ok(Some(again)) => break again,
            Ok(None) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    };
    drop(again);
    let mut heard = Vec::new();
    while !heard.contains(&Wake::Orders) {
        heard.push(wakeups.next().await.unwrap());
    }
    assert!(heard.contains(&Wake::Schedule) && heard.contains(&Wake::Outbox), "{heard:?}");
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
