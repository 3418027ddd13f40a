//! Encrypted connections: when they are, and by what the server is known. The server's end of TLS is a relay before the plain
//! PostgreSQL, which answers a client's question for TLS as PostgreSQL does.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::ports::{Counts as _, StoreError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::base::{Base, url};

/// What a client that wants TLS sends first: eight bytes, and a number that is no version of the protocol.
const ASKS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A relay that offers TLS, or does not.
struct Relay {
    port: u16,
    encrypted: Arc<AtomicUsize>,
    /// The certificate in PEM, in a file that is gone with the relay.
    file: PathBuf,
}

impl Drop for Relay {
    fn drop(&mut self) {
        std::fs::remove_file(&self.file).unwrap();
    }
}

impl Relay {
    /// With a certificate for this name.
    async fn new(offers: bool, name: &str) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = offers.then(|| TlsAcceptor::from(Arc::new(config)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let file = std::env::temp_dir().join(format!("scheduler-tls-{}-{port}.pem", std::process::id()));
        std::fs::write(&file, cert.pem()).unwrap();
        let encrypted = Arc::new(AtomicUsize::new(0));
        let count = encrypted.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, acceptor.clone(), count.clone()));
            }
        });
        Self { port, encrypted, file }
    }

    /// A store by way of it, at this name of this machine.
    fn store(&self, base: &Base, host: &str, words: &str) -> Result<PostgresStore, StoreError> {
        let url = url();
        let (credentials, rest) = url.rsplit_once('@').unwrap();
        let database = rest.split_once('/').map_or("", |(_, database)| database);
        let database = database.split('?').next().unwrap_or_default();
        let url = format!("{credentials}@{host}:{}/{database}?{words}", self.port);
        PostgresStore::connect(PostgresConfig::new(url).schema(&base.schema))
    }

    /// What comes of a question to such a store, and over how many encrypted connections it went.
    async fn ask(&self, base: &Base, host: &str, words: &str) -> (Result<(), String>, usize) {
        let before = self.encrypted.load(Ordering::Relaxed);
        let asked = match self.store(base, host, words) {
            Ok(store) => store.statistics().await.map(drop),
            Err(error) => Err(error),
        };
        (asked.map_err(|error| said(&error)), self.encrypted.load(Ordering::Relaxed) - before)
    }
}

async fn serve(mut client: TcpStream, acceptor: Option<TlsAcceptor>, encrypted: Arc<AtomicUsize>) {
    let mut first = [0; 8];
    client.read_exact(&mut first).await.unwrap();
    if first != ASKS {
        return pass_on(client, &first).await;
    }
    let Some(acceptor) = acceptor else {
        client.write_all(b"N").await.unwrap();
        return pass_on(client, &[]).await;
    };
    client.write_all(b"S").await.unwrap();
    // A client that does not trust the certificate hangs up.
    let Ok(client) = acceptor.accept(client).await else { return };
    encrypted.fetch_add(1, Ordering::Relaxed);
    pass_on(client, &[]).await;
}

async fn pass_on(mut client: impl AsyncRead + AsyncWrite + Unpin, first: &[u8]) {
    let url = url();
    let place = url.rsplit_once('@').unwrap().1.split(['/', '?']).next().unwrap();
    let Ok(mut server) = TcpStream::connect(place).await else { return };
    if server.write_all(first).await.is_ok() {
        drop(copy_bidirectional(&mut client, &mut server).await);
    }
}

fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_connection_is_encrypted_where_the_server_can_unless_that_is_disabled() {
    let base = Base::new().await;
    let (offers, plain) = (Relay::new(true, "elsewhere.example").await, Relay::new(false, "localhost").await);
    for words in ["", "sslmode=prefer", "sslmode=allow", "sslmode=require"] {
        let (asked, encrypted) = offers.ask(&base, "127.0.0.1", words).await;
        assert_eq!((asked, encrypted > 0), (Ok(()), true), "{words:?}");
    }
    assert_eq!(offers.ask(&base, "127.0.0.1", "sslmode=disable").await, (Ok(()), 0));
    for words in ["", "sslmode=prefer"] {
        assert_eq!(plain.ask(&base, "127.0.0.1", words).await, (Ok(()), 0), "{words:?}");
    }
    let trusted = format!("sslmode=verify-full&sslrootcert={}", plain.file.display());
    for words in ["sslmode=require", trusted.as_str()] {
        let refused = plain.ask(&base, "localhost", words).await.0.unwrap_err();
        assert!(refused.contains("TLS"), "{words}: {refused}");
    }
    base.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_server_is_known_by_its_certificate_and_its_name_as_far_as_that_is_asked_for() {
    let base = Base::new().await;
    let (own, other) = (Relay::new(true, "localhost").await, Relay::new(true, "elsewhere.example").await);
    let words = |mode: &str, relay: &Relay| format!("sslmode={mode}&sslrootcert={}", relay.file.display());
    for mode in ["require", "verify-ca", "verify-full"] {
        assert_eq!(own.ask(&base, "localhost", &words(mode, &own)).await.0, Ok(()), "{mode}");
        let refused = own.ask(&base, "localhost", &words(mode, &other)).await.0.unwrap_err();
        assert!(refused.contains("certificate"), "{mode}: {refused}");
    }
    assert_eq!(other.ask(&base, "localhost", &words("verify-ca", &other)).await.0, Ok(()), "by another name");
    let refused = other.ask(&base, "localhost", &words("verify-full", &other)).await.0.unwrap_err();
    assert!(refused.contains("certificate") && refused.contains("name"), "{refused}");
    for mode in ["verify-ca", "verify-full"] {
        let unknown = own.ask(&base, "localhost", &format!("sslmode={mode}")).await.0;
        assert!(unknown.is_err(), "{mode}: the system does not know it");
    }
    base.end().await;
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    let url = "postgres://db.example/base?sslmode=verify-full&sslrootcert=no/such.pem";
    let error = PostgresStore::connect(PostgresConfig::new(url)).unwrap_err().to_string();
    assert!(error.contains("no/such.pem"), "{error}");
}
