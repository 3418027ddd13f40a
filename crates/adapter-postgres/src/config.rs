//! How to reach the database, and under which schema to live there.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use control_plane::ports::StoreError;

/// How to reach the database. `Debug` shows neither URL.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database?sslmode=…`, or the `key=value` form. `sslmode` and `sslrootcert` mean what they
    /// mean to every client of PostgreSQL: without either, connections are encrypted where the server can.
    pub url: String,
    /// A URL for wake-ups alone, which need a session of their own: the database itself where `url` leads to a pooler.
    pub listen_url: Option<String>,
    /// The schema that holds everything; `scheduler` unless set otherwise.
    pub schema: String,
    /// At most so many connections, at least 3, besides the one that listens and those of heartbeats (one, or two). What has not been
    /// used for 10 s is closed: an idle node holds three or four in all.
    pub pool_size: usize,
    /// For how long a pass may stand still, or one of its statements may take, before the database takes the lock away. Where the
    /// rules' `heartbeat_grace` is shorter, that is for how long it may stand still, yet at least 5 s: by then its node is taken for lost.
    pub pass_timeout: Duration,
    /// For how long any other statement may take; 30 s, and zero for ever.
    pub statement_timeout: Duration,
    /// For how long a statement may wait for a row or a lock that somebody else has; 5 s, and zero for ever.
    pub lock_timeout: Duration,
    /// For how long any other transaction may stand still between two statements, since a client was frozen or cut off, before the
    /// database ends it for the sake of others; 5 s, and zero for ever.
    pub idle_timeout: Duration,
    /// For how long a relay may keep messages in hand before the database gives them to others.
    pub relay_timeout: Duration,
    /// For how long a connection may take to come up, or a call may wait for a free one.
    pub connect_timeout: Duration,
    /// Certificates (PEM) to trust instead of the system's own, as `sslrootcert=FILE` in the URL; needs feature `tls`.
    pub ca_file: Option<PathBuf>,
}

impl PostgresConfig {
    /// The database at this URL, all else by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            listen_url: None,
            schema: "scheduler".into(),
            pool_size: 8,
            pass_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5),
            relay_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            ca_file: None,
        }
    }

    /// In this schema.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// With at most so many connections.
    #[must_use]
    pub const fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections;
        self
    }

    /// With this limit on a pass that stands still.
    #[must_use]
    pub const fn pass_timeout(mut self, limit: Duration) -> Self {
        self.pass_timeout = limit;
        self
    }

    /// With this limit on one statement.
    #[must_use]
    pub const fn statement_timeout(mut self, limit: Duration) -> Self {
        self.statement_timeout = limit;
        self
    }

    /// With this limit on waiting for a row or a lock of somebody else.
    #[must_use]
    pub const fn lock_timeout(mut self, limit: Duration) -> Self {
        self.lock_timeout = limit;
        self
    }

    /// With this limit on a transaction that stands still.
    #[must_use]
    pub const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = limit;
        self
    }

    /// With this limit on messages in hand.
    #[must_use]
    pub const fn relay_timeout(mut self, limit: Duration) -> Self {
        self.relay_timeout = limit;
        self
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("schema", &self.schema)
            .field("pool_size", &self.pool_size)
            .field("pass_timeout", &self.pass_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("relay_timeout", &self.relay_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// The name of a schema that is safe to write into statements.
#[derive(Clone, Debug)]
pub(crate) struct Schema(String);

impl Schema {
    /// Letters, digits and underscores, not beginning with a digit, at most 50 of them: room is left for the channel's name.
    pub(crate) fn new(name: &str) -> Result<Self, StoreError> {
        let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let fits = (1..=50).contains(&name.len())
            && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
            && name.bytes().next().is_some_and(letter)
            && !name.starts_with("pg_");
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(StoreError::Refused(format!(
                "{:?} cannot be the schema: use 1 to 50 letters, digits and underscores, no digit first, and not `pg_`",
                name.chars().take(60).collect::<String>()
            )))
        }
    }

    /// The channel of its wake-ups.
    pub(crate) fn channel(&self) -> String {
        format!("{}_wake", self.0)
    }

    /// A statement with the schema and its channel written in.
    pub(crate) fn write_into(&self, statement: &str) -> String {
        statement.replace("{schema}", &format!("\"{}\"", self.0)).replace("{channel}", &self.channel())
    }

    /// The key of the advisory lock of migrations of this schema (FNV-1a of its name): there are no tables to lock before the first.
    pub(crate) fn migration_key(&self) -> i64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for &byte in self.0.as_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        (hash & !3).wrapping_add(1).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_an_identifier_and_nothing_else() {
        for good in ["scheduler", "_a", "S2", "a_b_1"] {
            assert!(Schema::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(51);
        for bad in ["", "2a", "a-b", "a\"b", "a b", "a.b", "a;drop", "ä", "pg_catalog", &long] {
            assert!(matches!(Schema::new(bad), Err(StoreError::Refused(_))), "{bad}");
        }
    }

    #[test]
    fn no_url_is_ever_shown() {
        let config = PostgresConfig::new("postgres://user:secret@host/base");
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn the_lock_of_a_schema_is_its_own() {
        let keys = ["scheduler", "other"].map(|name| Schema::new(name).unwrap().migration_key());
        assert_ne!(keys[0], keys[1]);
    }
}
