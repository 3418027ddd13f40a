//! Connections: a pool for work, and one of their own for heartbeats, which must not wait behind work that does not get on.

use std::time::Duration;

use control_plane::ports::StoreError;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime,
};
use tokio_postgres::Config;

use crate::config::PostgresConfig;
use crate::connector::Connector;
use crate::error::{pool_error, unreadable};
use crate::limits::{Limits, Scope};

/// A connection that nobody has used for so long is closed: a quiet cluster must not use up what the server has.
const KEPT_IDLE: Duration = Duration::from_secs(10);

/// One for heartbeats, and one more while that waits for a row.
const HEARTBEATS: usize = 2;

/// The server looks so often, while a statement runs, whether its client is still there: one that has closed its connection must
/// not keep locks. Where the server's system cannot do that it refuses, and does without.
const WATCH_CLIENT: &str = "SET client_connection_check_interval = 1000";

/// What connections are taken from.
pub(crate) struct Pools {
    work: Pool,
    heartbeats: Pool,
}

impl Pools {
    pub(crate) fn new(
        url: &Config,
        config: &PostgresConfig,
        connector: &Connector,
    ) -> Result<Self, StoreError> {
        let pool = |size| pool(url.clone(), config, connector.clone(), size);
        Ok(Self { work: pool(config.pool_size)?, heartbeats: pool(HEARTBEATS)? })
    }

    /// A connection for work.
    pub(crate) async fn work(&self, what: &str) -> Result<Object, StoreError> {
        self.close_idle();
        self.work.get().await.map_err(|error| pool_error(what, error))
    }

    /// A connection for a heartbeat.
    pub(crate) async fn heartbeat(&self, what: &str) -> Result<Object, StoreError> {
        self.close_idle();
        self.heartbeats.get().await.map_err(|error| pool_error(what, error))
    }

    /// Whoever takes a connection closes those that are not needed; a node takes one every few seconds.
    fn close_idle(&self) {
        for pool in [&self.work, &self.heartbeats] {
            drop(pool.retain(|_, metrics| metrics.last_used() < KEPT_IDLE));
        }
    }
}

fn pool(url: Config, config: &PostgresConfig, connector: Connector, size: usize) -> Result<Pool, StoreError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let words = Limits::of(config).words(Scope::Connection);
    let limit = config.connect_timeout;
    Pool::builder(Manager::from_connect(url, connector, recycling))
        .max_size(size)
        // The connection that was used last has its statements prepared and its caches warm: passes of a quiet system stay on two.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(limit))
        .wait_timeout(Some(limit))
        .post_create(Hook::async_fn(move |client, _| {
            let words = words.clone();
            Box::pin(async move {
                let told = tokio::time::timeout(limit, tell(client, &words)).await;
                told.map_err(|_| HookError::message("the server did not take its settings in time"))?
                    .map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| unreadable(format!("the pool cannot be made: {error}")))
}

/// What a new connection is told.
async fn tell(client: &ClientWrapper, words: &str) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(words).await?;
    match client.batch_execute(WATCH_CLIENT).await {
        Err(error) if error.as_db_error().is_none() => Err(error),
        _ => Ok(()),
    }
}
