//! Names of a test's own on the shared servers, and what removes everything under them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use amqprs::channel::{ExchangeDeleteArguments, QueueDeleteArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use tokio_postgres::NoTls;

use super::{amqp_url, database_url};

/// How many instances a test may define and still have their queues removed.
const INSTANCES: i64 = 12;

/// A schema of the database and a prefix of the broker that nobody else has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The schema.
    pub schema: String,
    /// What the names of queues and exchanges begin with.
    pub prefix: String,
}

impl Site {
    /// Names that are not taken.
    #[must_use]
    pub fn new(what_for: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let name =
            format!("{what_for}_{}_{since}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { schema: name.clone(), prefix: name }
    }

    /// Removes everything under these names from the shared servers.
    ///
    /// # Panics
    ///
    /// When a server refuses.
    pub async fn clean_up(&self) {
        let (client, connection) =
            tokio_postgres::connect(&database_url(), NoTls).await.expect("the database is there");
        tokio::spawn(connection);
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        client.batch_execute(&drop).await.expect("the schema can be dropped");
        let connection = Connection::open(&arguments(&amqp_url())).await.expect("the broker is there");
        let channel = connection.open_channel(None).await.expect("a channel");
        let nodes = (1..=INSTANCES).map(|instance| format!("node.{instance}"));
        for name in nodes.chain(["shared".into(), "rejected".into()]) {
            let queue = format!("{}.{name}", self.prefix);
            channel.queue_delete(QueueDeleteArguments::new(&queue)).await.expect("a queue can be deleted");
        }
        for name in ["dispatch", "dead", "broadcast", "calls"] {
            let exchange = format!("{}.{name}", self.prefix);
            let arguments = ExchangeDeleteArguments::new(&exchange);
            channel.exchange_delete(arguments).await.expect("an exchange can be deleted");
        }
        // The connection was only for this; whether it closes in good order is the broker's business.
        let _ = connection.close().await;
    }
}

/// The driver's arguments for `amqp://user:password@host:port/path`.
fn arguments(url: &str) -> OpenConnectionArguments {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (credentials, place) = rest.rsplit_once('@').unwrap_or(("guest:guest", rest));
    let (place, path) = place.split_once('/').unwrap_or((place, "%2f"));
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (host, port) = place.split_once(':').unwrap_or((place, "5672"));
    let mut arguments = OpenConnectionArguments::new(host, port.parse().expect("a port"), user, password);
    arguments.virtual_host(&path.to_lowercase().replace("%2f", "/"));
    arguments
}
