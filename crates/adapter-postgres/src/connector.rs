//! Opens connections, with TLS or without, for the pool and for the listener.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use control_plane::is_this_machine;
use control_plane::ports::StoreError;
use deadpool_postgres::Connect;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};

use crate::secrecy::{Encryption, Secrecy};
#[cfg(feature = "tls")]
use crate::tls::Noting;

/// How connections are made. Clones say once between them what there is to say.
#[derive(Clone)]
pub(crate) struct Connector {
    #[cfg(feature = "tls")]
    tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    /// Whether it was said that a connection to another machine is not encrypted.
    said: Arc<AtomicBool>,
}

/// A connection that listens, and what it hears; the channel closes when the connection breaks.
pub(crate) struct Listening {
    pub(crate) client: Client,
    pub(crate) heard: mpsc::UnboundedReceiver<String>,
}

impl Connector {
    /// For what the URL asks for. That a connection must be encrypted is for the driver to see to.
    pub(crate) fn new(secrecy: &Secrecy) -> Result<Self, StoreError> {
        #[cfg(not(feature = "tls"))]
        if secrecy.encryption == Encryption::Required {
            return Err(StoreError::Refused(
                "the database URL requires TLS, and this program is built without it: build with feature `tls`, or say \
                 `sslmode=disable` where the network is trusted"
                    .into(),
            ));
        }
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: match secrecy.encryption {
                Encryption::Never => None,
                Encryption::Preferred | Encryption::Required => Some(crate::tls::maker(secrecy)?),
            },
            said: Arc::default(),
        })
    }

    /// Opens a connection for listening.
    pub(crate) async fn listen(&self, config: &Config) -> Result<Listening, tokio_postgres::Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let tls = Noting::new(tls.clone());
            let used = tls.used();
            let (client, connection) = config.connect(tls).await?;
            self.note(config, used.load(Ordering::Relaxed));
            return Ok(Listening { client, heard: hear(connection) });
        }
        let (client, connection) = config.connect(NoTls).await?;
        self.note(config, false);
        Ok(Listening { client, heard: hear(connection) })
    }

    async fn open(&self, config: &Config) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let tls = Noting::new(tls.clone());
            let used = tls.used();
            let (client, connection) = config.connect(tls).await?;
            self.note(config, used.load(Ordering::Relaxed));
            return Ok((client, drive(connection)));
        }
        let (client, connection) = config.connect(NoTls).await?;
        self.note(config, false);
        Ok((client, drive(connection)))
    }

    /// Warns once of a connection that others can read on its way.
    fn note(&self, config: &Config, encrypted: bool) {
        if !encrypted && leaves_this_machine(config) && !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the connection to PostgreSQL leaves this machine and is not encrypted, so that whoever stands between reads \
                 tasks and passwords: let the server offer TLS, and say sslmode=verify-full in the URL"
            );
        }
    }
}

fn leaves_this_machine(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().any(|address| !address.to_canonical().is_loopback());
    }
    config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if !is_this_machine(name)))
}

/// Drives a connection and passes on the payloads that it hears, until it breaks or nobody wants them.
fn hear<S, T>(mut connection: Connection<S, T>) -> mpsc::UnboundedReceiver<String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (say, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message
                && say.send(notification.payload().to_owned()).is_err()
            {
                break;
            }
        }
    });
    heard
}

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

impl Connect for Connector {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let config = config.clone();
        Box::pin(async move { self.open(&config).await })
    }
}

/// Drives a connection of the pool. Its errors reach whoever waits for an answer, so nobody need log them here.
fn drive<S, T>(mut connection: Connection<S, T>) -> JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                // Its words may hold a value; the server's log has them.
                Some(Ok(AsyncMessage::Notice(notice)))
                    if notice.parsed_severity() == Some(Severity::Warning) =>
                {
                    tracing::warn!(code = notice.code().code(), "PostgreSQL warns; its log says of what");
                }
                Some(Ok(_)) => {}
                Some(Err(_)) => return tracing::debug!("a connection to PostgreSQL broke"),
                None => return,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_machine_is_far_enough_for_a_warning() {
        for (url, leaves) in [
            ("host=localhost", false),
            ("host=/run/postgresql", false),
            ("host=127.0.0.1,::1", false),
            ("host=db.example", true),
            ("host=localhost,db.example", true),
            ("host=db.example hostaddr=127.0.0.1", false),
            ("host=localhost hostaddr=10.0.0.1", true),
        ] {
            assert_eq!(leaves_this_machine(&url.parse().unwrap()), leaves, "{url}");
        }
    }
}
