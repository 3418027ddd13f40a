//! Encrypted connections: whom to trust is checked. The server's end of TLS is a relay before the plain RabbitMQ.

use std::path::PathBuf;
use std::sync::Arc;

use adapter_amqp::{AmqpBroker, AmqpConfig};
use control_plane::ports::{Broker, Publication, Queue};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::own::said;
use crate::support;

/// Decrypts and passes on; gives its place and the certificate to trust.
async fn encrypted(target: String) -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate hangs up.
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(target).await.unwrap();
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    (place, cert.pem())
}

fn config(place: &str, prefix: &str) -> AmqpConfig {
    let (credentials, _, path) = support::parts(&support::url());
    support::config(&format!("amqps://{credentials}@{place}/{path}"), prefix)
}

/// A file that is gone with the value.
struct File(PathBuf);

impl File {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{}.pem", support::prefix()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: scripts/test starts one"]
async fn a_certificate_of_the_file_is_trusted_and_no_other() {
    let (_, plain, _) = support::parts(&support::url());
    let (place, certificate) = encrypted(plain.clone()).await;
    let file = File::with(&certificate);
    let prefix = support::prefix();

    let trusting = config(&place, &prefix).with_ca_file(file.0.clone());
    let broker = AmqpBroker::connect(trusting).await.unwrap();
    let sent = broker.publish(&[support::dispatch(1, Queue::Shared)]).await.unwrap();
    assert_eq!(sent, [Publication::Confirmed]);
    drop(broker);

    let distrusted = said(&AmqpBroker::connect(config(&place, &prefix)).await.unwrap_err());
    assert!(distrusted.contains("certificate"), "{distrusted}");
    let not_encrypted = config(&plain, &prefix).with_ca_file(file.0.clone());
    let not_encrypted = said(&AmqpBroker::connect(not_encrypted).await.unwrap_err());
    assert!(not_encrypted.contains(&plain), "{not_encrypted}");
    support::clean_up(prefix).await;
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    for (text, expected) in [("", "no certificate to trust"), ("no PEM", "no certificate to trust")] {
        let file = File::with(text);
        let config = AmqpConfig::from_url("amqps://rabbit").unwrap().with_ca_file(file.0.clone());
        let error = AmqpBroker::connect(config).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let missing = AmqpConfig::from_url("amqps://rabbit").unwrap().with_ca_file("no/such.pem".into());
    let error = AmqpBroker::connect(missing).await.unwrap_err();
    assert!(error.to_string().contains("no/such.pem"), "{error}");
}
