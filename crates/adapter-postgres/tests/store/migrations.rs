//! Tables come up once, whoever asks first, and another version is refused.

use adapter_postgres::PostgresStore;
use control_plane::ports::{Desk as _, Passes as _, StoreError, Wakes as _};

use crate::base::Base;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn many_nodes_may_migrate_at_once() {
    let base = Base::bare().await;
    let nodes = (0..12).map(|_| {
        let store = PostgresStore::connect(base.config().pool_size(3)).unwrap();
        tokio::spawn(async move { store.migrate().await })
    });
    for node in nodes.collect::<Vec<_>>() {
        node.await.unwrap().unwrap();
    }
    let applied = base.ask("SELECT string_agg(version::text, ',' ORDER BY version) FROM {s}.migration").await;
    let known: Vec<String> =
        PostgresStore::migrations().iter().map(|migration| migration.version.to_string()).collect();
    assert_eq!(applied, known.join(","));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn tables_of_another_version_are_refused() {
    let base = Base::bare().await;
    let needed = PostgresStore::migrations().len() as u32;
    let refused = base.store.statistics().await;
    assert!(matches!(refused, Err(StoreError::Version { found: 0, .. })), "{refused:?}");
    assert!(matches!(base.store.wakeups().await.err(), Some(StoreError::Version { found: 0, .. })));

    base.store.migrate().await.unwrap();
    base.store.statistics().await.unwrap();
    base.run("INSERT INTO {s}.migration VALUES (999, 'from the future')").await;
    let old = PostgresStore::connect(base.config()).unwrap();
    let refused = old.begin().await.err();
    assert!(
        matches!(refused, Some(StoreError::Version { found: 999, needed: n }) if n == needed),
        "{refused:?}"
    );
    assert!(matches!(old.migrate().await, Err(StoreError::Version { found: 999, .. })));
    base.end().await;
}
