//! The store itself: a pool, a schema, and whether its version was looked at.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use control_plane::ports::StoreError;
use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio_postgres::Config;

use crate::config::{PostgresConfig, Schema};
use crate::connector::Connector;
use crate::error::{pool_error, unreadable};
use crate::session::Session;

/// After so much silence of a connection the server's machine is asked whether it is still there, so often, and so many times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A store on PostgreSQL. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pool: Pool,
    pub(crate) schema: Schema,
    pub(crate) config: PostgresConfig,
    /// For the listener, which has a connection of its own.
    pub(crate) listen: Config,
    pub(crate) connector: Connector,
    /// Set once the tables were seen to be of the version that this program needs.
    verified: AtomicBool,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Prepares a store; connections are made when they are needed, so an unreachable server shows in the first call. Needs a
    /// Tokio runtime from then on. The tables must be there: see [`PostgresStore::migrate`].
    ///
    /// Refused are a URL that cannot be read, a name that cannot be a schema's, a pool of fewer than 3 connections, and TLS
    /// without feature `tls`.
    pub fn connect(config: PostgresConfig) -> Result<Self, StoreError> {
        let schema = Schema::new(&config.schema)?;
        if config.pool_size < 3 {
            return Err(StoreError::Refused(format!(
                "a pool of {} connections is too small: a pass needs two at once and a relay one, so allow at least 3",
                config.pool_size
            )));
        }
        let url = read_url(&config.url, &config)?;
        let listen = match &config.listen_url {
            Some(listen) => read_url(listen, &config)?,
            None => url.clone(),
        };
        let connector = Connector::new(&url, &config)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_connect(url, connector.clone(), recycling))
            .max_size(config.pool_size)
            // The connection that was used last has its statements prepared and its caches warm: passes of a quiet system stay on two.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(config.connect_timeout))
            .wait_timeout(Some(config.connect_timeout))
            .build()
            .map_err(|error| unreadable(format!("the pool cannot be made: {error}")))?;
        let verified = AtomicBool::new(false);
        Ok(Self { inner: Arc::new(Inner { pool, schema, config, listen, connector, verified }) })
    }

    /// A connection to tables of the right version.
    pub(crate) async fn session(&self, what: &str) -> Result<Session, StoreError> {
        let session = self.raw_session(what).await?;
        if !self.inner.verified.load(Ordering::Relaxed) {
            crate::migrate::verify(&session).await?;
            self.inner.verified.store(true, Ordering::Relaxed);
        }
        Ok(session)
    }

    /// A connection, whatever the tables are.
    pub(crate) async fn raw_session(&self, what: &str) -> Result<Session, StoreError> {
        let connection = self.inner.pool.get().await.map_err(|error| pool_error(what, error))?;
        Ok(Session::new(connection, self.inner.schema.clone()))
    }
}

/// Reads a URL. What is wrong with it is not repeated, since it may hold a password.
fn read_url(url: &str, config: &PostgresConfig) -> Result<Config, StoreError> {
    // The driver knows no more than `require`; verifying is what feature `tls` always does.
    let url =
        url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    let mut read = Config::from_str(&url).map_err(|_| {
        StoreError::Refused(
            "the database URL cannot be read: write postgres://user:password@host:5432/database, with special \
             characters of the password as %40 and so on"
                .into(),
        )
    })?;
    if read.get_hosts().is_empty() && read.get_hostaddrs().is_empty() {
        return Err(StoreError::Refused(
            "the database URL names no host: write postgres://user@host:5432/database".into(),
        ));
    }
    if read.get_application_name().is_none() {
        read.application_name("scheduler");
    }
    if read.get_connect_timeout().is_none() {
        read.connect_timeout(config.connect_timeout);
    }
    if read.get_tcp_user_timeout().is_none() {
        read.tcp_user_timeout(config.pass_timeout);
    }
    // A server that is gone after it took a request would be waited for as long as the system keeps silent connections: two
    // hours. These are the driver's own values where the URL says nothing.
    if read.get_keepalives_idle() == Duration::from_secs(2 * 60 * 60) {
        read.keepalives_idle(KEEPALIVE_IDLE);
    }
    if read.get_keepalives_interval().is_none() {
        read.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if read.get_keepalives_retries().is_none() {
        read.keepalives_retries(KEEPALIVE_RETRIES);
    }
    Ok(read)
}
