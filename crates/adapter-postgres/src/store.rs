//! The store itself: its connections, a schema, and what is known of the tables.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use control_plane::ports::StoreError;
use scheduler_core::Seconds;
use tokio_postgres::Config;

use crate::config::{PostgresConfig, Schema};
use crate::connector::Connector;
use crate::flaw::Flaws;
use crate::limits::Limits;
use crate::pool::Pools;
use crate::secrecy::Secrecy;
use crate::session::Session;

/// After so much silence of a connection the server's machine is asked whether it is still there, so often, and so many times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// The least for which a pass may stand still, whatever the grace: reading and planning a large snapshot takes a while.
const LEAST_PASS: Duration = Duration::from_secs(5);

/// A store on PostgreSQL. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pools: Pools,
    pub(crate) schema: Schema,
    pub(crate) config: PostgresConfig,
    /// For the listener, which has a connection of its own.
    pub(crate) listen: Config,
    pub(crate) connector: Connector,
    /// Set once the tables were seen to be of the version that this program needs.
    verified: AtomicBool,
    /// The rules' grace of heartbeats in seconds, as it was read last.
    grace: AtomicU32,
    pub(crate) flaws: Flaws,
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
        let (url, mut secrecy) = read_url(&config.url, &config)?;
        let listen = match &config.listen_url {
            Some(listen) => {
                let (listen, of_listen) = read_url(listen, &config)?;
                // One connector serves both: what the stricter of the two asks for.
                secrecy = secrecy.or_stricter(of_listen);
                listen
            }
            None => url.clone(),
        };
        let connector = Connector::new(&secrecy)?;
        let pools = Pools::new(&url, &config, &connector)?;
        let (verified, grace) = (AtomicBool::new(false), AtomicU32::new(u32::MAX));
        Ok(Self {
            inner: Arc::new(Inner {
                pools,
                schema,
                config,
                listen,
                connector,
                verified,
                grace,
                flaws: Flaws::default(),
            }),
        })
    }

    /// A connection to tables of the right version.
    pub(crate) async fn session(&self, what: &str) -> Result<Session, StoreError> {
        let session = self.raw_session(what).await?;
        self.verify(&session).await?;
        Ok(session)
    }

    /// A connection that no work keeps, to tables of the right version.
    pub(crate) async fn heartbeat_session(&self, what: &str) -> Result<Session, StoreError> {
        let connection = self.inner.pools.heartbeat(what).await?;
        let session = Session::new(connection, self.inner.schema.clone(), Limits::of(&self.inner.config));
        self.verify(&session).await?;
        Ok(session)
    }

    /// A connection, whatever the tables are.
    pub(crate) async fn raw_session(&self, what: &str) -> Result<Session, StoreError> {
        let connection = self.inner.pools.work(what).await?;
        Ok(Session::new(connection, self.inner.schema.clone(), Limits::of(&self.inner.config)))
    }

    async fn verify(&self, session: &Session) -> Result<(), StoreError> {
        if !self.inner.verified.load(Ordering::Relaxed) {
            crate::version::verify(session).await?;
            self.inner.verified.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The rules' grace of heartbeats was read.
    pub(crate) fn learn_grace(&self, grace: Seconds) {
        self.inner.grace.store(grace.get(), Ordering::Relaxed);
    }

    /// For how long a pass may stand still: once its node is taken for lost, others must be able to make the pass that says so.
    pub(crate) fn pass_idle_limit(&self) -> Duration {
        let grace = Duration::from_secs(u64::from(self.inner.grace.load(Ordering::Relaxed)));
        let limit = self.inner.config.pass_timeout;
        if limit.is_zero() { grace.max(LEAST_PASS) } else { limit.min(grace.max(LEAST_PASS)) }
    }
}

/// Reads a URL. What is wrong with it is not repeated, since it may hold a password.
fn read_url(url: &str, config: &PostgresConfig) -> Result<(Config, Secrecy), StoreError> {
    let (url, mut secrecy) = Secrecy::taken_from(url);
    if let Some(roots) = &config.ca_file {
        secrecy = secrecy.trusting(roots);
    }
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
    Ok((read, secrecy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_1_a_pass_stands_still_no_longer_than_the_grace() {
        let config = PostgresConfig::new("postgres://u@127.0.0.1/x");
        let store = PostgresStore::connect(config).unwrap();
        let limit = |grace| {
            store.learn_grace(Seconds::new(grace));
            store.pass_idle_limit()
        };
        assert_eq!(store.pass_idle_limit(), Duration::from_secs(30), "no grace is known yet");
        assert_eq!(limit(10), Duration::from_secs(10));
        assert_eq!(limit(1), LEAST_PASS);
        assert_eq!(limit(600), Duration::from_secs(30));
    }
}
