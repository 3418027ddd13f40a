//! PostgreSQL keeps every promise of a store.
#![expect(clippy::expect_used, reason = "a test ends where something is not as it should be")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use adapter_postgres::{PostgresConfig, PostgresStore};
use conformance::StoreFixture;

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A store on a fresh, migrated schema.
async fn fixture() -> StoreFixture {
    let url = std::env::var("DATABASE_URL")
        .expect("DATABASE_URL names a PostgreSQL server; scripts/test starts one");
    let schema = format!("promise_{}_{}", std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
    let config = PostgresConfig::new(url.clone()).schema(&schema);
    let store = PostgresStore::connect(config).expect("the URL can be read");
    store.migrate().await.expect("tables can be made");
    StoreFixture::of(Arc::new(store)).cleaned_up_by(async move {
        let (client, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("the server is there");
        tokio::spawn(connection);
        client
            .batch_execute(&format!("DROP SCHEMA {schema} CASCADE"))
            .await
            .expect("the schema can be dropped");
    })
}

conformance::test_store! {
    #[ignore = "needs PostgreSQL: scripts/test starts one"]
    fixture
}

conformance::test_admin! {
    #[ignore = "needs PostgreSQL: scripts/test starts one"]
    fixture
}

conformance::test_retention! {
    #[ignore = "needs PostgreSQL: scripts/test starts one"]
    fixture
}
