//! A store in a schema of its own, and a few words to speak to it.

use std::sync::atomic::{AtomicU32, Ordering};

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::Definitions;
use control_plane::ports::{Admin as _, Launch, Launchable};
use scheduler_core::TaskId;
use tokio_postgres::NoTls;

/// The server of these tests.
pub(crate) fn url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL server; scripts/test starts one")
}

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A store in a schema that is dropped at the end.
pub(crate) struct Base {
    pub(crate) schema: String,
    pub(crate) store: PostgresStore,
    /// A connection beside the store, to look and to interfere.
    pub(crate) sql: tokio_postgres::Client,
}

impl Base {
    /// Without tables.
    pub(crate) async fn bare() -> Self {
        let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
        let schema = format!("test_{}_{number}", std::process::id());
        let store = PostgresStore::connect(config(&schema)).unwrap();
        Self { sql: client().await, schema, store }
    }

    /// With tables, and with what these tests launch.
    pub(crate) async fn new() -> Self {
        let base = Self::bare().await;
        base.store.migrate().await.unwrap();
        base.store.define(&definitions()).await.unwrap();
        base
    }

    /// For another store on the same schema.
    pub(crate) fn config(&self) -> PostgresConfig {
        config(&self.schema)
    }

    /// Ends every connection of the stores on this schema, as a restart of the server would.
    pub(crate) async fn cut(&self) {
        let sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1";
        self.sql.query(sql, &[&self.schema]).await.unwrap();
    }

    /// Runs SQL in which `{s}` is the schema.
    pub(crate) async fn run(&self, sql: &str) {
        self.sql.batch_execute(&sql.replace("{s}", &self.schema)).await.unwrap();
    }

    /// The first column of the first row, as text.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let sql = format!("SELECT ({})::text", sql.replace("{s}", &self.schema));
        self.sql.query_one(&sql, &[]).await.unwrap().get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// Launches so many jobs of the template "job".
    pub(crate) async fn jobs(&self, count: usize) -> Vec<TaskId> {
        let launches = vec![Launch::of(Launchable::JobTemplate("job".into())); count];
        self.store.launch(&launches).await.unwrap()
    }

    pub(crate) async fn end(self) {
        self.sql.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.schema)).await.unwrap();
    }
}

/// The schema is the name of its connections too, so that they can be told from others.
fn config(schema: &str) -> PostgresConfig {
    let url = url();
    let separator = if url.contains('?') { '&' } else { '?' };
    PostgresConfig::new(format!("{url}{separator}application_name={schema}")).schema(schema)
}

/// A connection of its own.
pub(crate) async fn client() -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Two instances in one group, and a template for jobs that may run beside each other.
pub(crate) fn definitions() -> Definitions {
    serde_json::from_value(serde_json::json!({
        "rules": { "default_groups": ["default"] },
        "instance": [{ "hostname": "a", "capacity": 1000 }, { "hostname": "b", "capacity": 1000 }],
        "group": [{ "name": "default", "instances": ["a", "b"] }],
        "template": [
            { "name": "job", "allow_simultaneous": true, "impact": 1, "run": { "handler": "noop", "payload": { "a": 1 } } },
            { "name": "sliced", "slices": 3, "run": { "handler": "noop" } }
        ]
    }))
    .unwrap()
}
