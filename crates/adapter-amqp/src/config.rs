//! What an embedder may choose: where the broker is, how its names begin, how much is in flight, how long to wait.

use std::fmt;
use std::num::NonZeroU16;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

use crate::url::{Server, UrlError};

/// The prefix of all names, unless another is chosen.
pub const PREFIX: &str = "scheduler";

/// How to reach a broker and how to use it. `Debug` shows neither user nor password.
#[derive(Clone)]
pub struct AmqpConfig {
    pub(crate) server: Server,
    pub(crate) prefix: String,
    pub(crate) window: NonZeroU16,
    pub(crate) confirm_timeout: Duration,
    pub(crate) patience: Duration,
    pub(crate) asking_as: Option<String>,
    #[cfg(feature = "tls")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A configuration that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL is wrong.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The prefix is wrong.
    #[error(
        "the prefix of the broker's names has 1 to 100 letters, digits, '-', '_' or '.', and does not begin with \"amq.\""
    )]
    Prefix,
}

impl AmqpConfig {
    /// The broker at this URL: `amqp://user:password@host:port/vhost`, or `amqps://` with the feature `tls`. User and password
    /// are `guest` when left out, the port 5672 (5671 with TLS), the virtual host `/`; special characters are
    /// percent-encoded. `?heartbeat=SECONDS` changes the heartbeat of 10 seconds.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, without repeating it.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            server: Server::parse(url)?,
            prefix: PREFIX.into(),
            window: NonZeroU16::MIN.saturating_add(999),
            confirm_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            asking_as: None,
            #[cfg(feature = "tls")]
            ca_file: None,
        })
    }

    /// Lets the names of all exchanges and queues begin with this instead of [`PREFIX`], so that several clusters can share
    /// a virtual host.
    ///
    /// # Errors
    ///
    /// A prefix that names cannot begin with.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !(1..=100).contains(&prefix.len()) || !prefix.chars().all(fits) || prefix.starts_with("amq.") {
            return Err(ConfigError::Prefix);
        }
        self.prefix = prefix.into();
        Ok(self)
    }

    /// How many published messages may be unconfirmed at a time: 1000 unless chosen; more only adds latency.
    #[must_use]
    pub const fn with_window(mut self, window: NonZeroU16) -> Self {
        self.window = window;
        self
    }

    /// How long publishing goes on without any confirmation before the connection counts as broken: 30 seconds unless
    /// chosen. A broker that is out of memory or disk holds confirmations back.
    #[must_use]
    pub const fn with_confirm_timeout(mut self, limit: Duration) -> Self {
        self.confirm_timeout = limit;
        self
    }

    /// Says who asks, to be written down where a request is heard: nobody unless chosen.
    #[must_use]
    pub fn asking_as(mut self, name: impl Into<String>) -> Self {
        self.asking_as = Some(name.into());
        self
    }

    /// How long a call waits for a broker that is away before it gives up: 10 seconds unless chosen.
    #[must_use]
    pub const fn with_patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Trusts the certificates in this PEM file instead of the machine's.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_ca_file(mut self, file: PathBuf) -> Self {
        self.ca_file = Some(file);
        self
    }
}

impl fmt::Debug for AmqpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpConfig")
            .field("server", &self.server)
            .field("prefix", &self.prefix)
            .field("window", &self.window)
            .field("confirm_timeout", &self.confirm_timeout)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_names_cannot_begin_with_is_refused() {
        let long = "p".repeat(101);
        for prefix in ["", "amq.own", "with space", "ü", long.as_str()] {
            let config = AmqpConfig::from_url("amqp://localhost").unwrap();
            assert_eq!(config.with_prefix(prefix).err(), Some(ConfigError::Prefix), "{prefix:?}");
        }
        assert!(AmqpConfig::from_url("amqp://localhost").unwrap().with_prefix("blue.cluster-2").is_ok());
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", AmqpConfig::from_url("amqp://bob:s3cret@host/vhost").unwrap());
        assert!(!shown.contains("s3cret") && !shown.contains("bob"), "{shown}");
    }
}
