//! Opens connections, with TLS or without, for the pool and for the listener.

use std::future::{Future, poll_fn};
use std::pin::Pin;

use control_plane::ports::StoreError;
use deadpool_postgres::Connect;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};

use crate::config::PostgresConfig;

/// How connections are made.
#[derive(Clone)]
pub(crate) enum Connector {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_postgres_rustls::MakeRustlsConnect),
}

/// A connection that listens, and what it hears; the channel closes when the connection breaks.
pub(crate) struct Listening {
    pub(crate) client: Client,
    pub(crate) heard: mpsc::UnboundedReceiver<String>,
}

impl Connector {
    /// TLS exactly where the URL requires it. `prefer`, the default, means a plain connection: unverified TLS protects from
    /// nobody who can stand between, and verified TLS is worth asking for.
    pub(crate) fn new(url: &Config, config: &PostgresConfig) -> Result<Self, StoreError> {
        if url.get_ssl_mode() != SslMode::Require {
            return Ok(Self::Plain);
        }
        Self::encrypted(config)
    }

    #[cfg(not(feature = "tls"))]
    fn encrypted(_: &PostgresConfig) -> Result<Self, StoreError> {
        Err(StoreError::Refused(
            "the database URL requires TLS, and this program is built without it: build with feature `tls`, or say \
             `sslmode=disable` where the network is trusted"
                .into(),
        ))
    }

    /// Verifies the server's certificate and name against the system's certificates and those of `ca_file`.
    #[cfg(feature = "tls")]
    fn encrypted(config: &PostgresConfig) -> Result<Self, StoreError> {
        use tokio_rustls::rustls;
        use tokio_rustls::rustls::pki_types::CertificateDer;
        use tokio_rustls::rustls::pki_types::pem::PemObject as _;

        let refused = |text: String| StoreError::Refused(text);
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &config.ca_file {
            let unreadable =
                |error| refused(format!("the certificates in {} cannot be read: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(|error| {
                    refused(format!("a certificate in {} cannot be used: {error}", path.display()))
                })?;
            }
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::Tls(tokio_postgres_rustls::MakeRustlsConnect::new(client)))
    }

    /// Opens a connection for listening.
    pub(crate) async fn listen(&self, config: &Config) -> Result<Listening, tokio_postgres::Error> {
        match self {
            Self::Plain => {
                let (client, connection) = config.connect(NoTls).await?;
                Ok(Listening { client, heard: hear(connection) })
            }
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                Ok(Listening { client, heard: hear(connection) })
            }
        }
    }
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
        Box::pin(async move {
            match self {
                Self::Plain => {
                    let (client, connection) = config.connect(NoTls).await?;
                    Ok((client, drive(connection)))
                }
                #[cfg(feature = "tls")]
                Self::Tls(tls) => {
                    let (client, connection) = config.connect(tls.clone()).await?;
                    Ok((client, drive(connection)))
                }
            }
        })
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
