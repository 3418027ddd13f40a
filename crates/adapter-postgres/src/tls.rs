//! Encrypted connections: by what the server is known, and whether encryption came to be.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use control_plane::ports::StoreError;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::secrecy::{Secrecy, Trust};

/// Connections that know their server by this much.
pub(crate) fn maker(secrecy: &Secrecy) -> Result<MakeRustlsConnect, StoreError> {
    // The provider is named, since a process that links several has no default.
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(format!("TLS cannot be set up: {error}")))?;
    let chain = match secrecy.trust {
        Trust::Anyone => None,
        Trust::Chain | Trust::Name => Some(Arc::new(roots(secrecy.roots.as_deref())?)),
    };
    let client = match (secrecy.trust, chain) {
        (Trust::Name, Some(roots)) => builder.with_root_certificates(roots),
        (_, roots) => {
            let build = |roots| WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            let chain = roots.map(build).transpose();
            let chain = chain.map_err(|error| refused(format!("TLS cannot be set up: {error}")))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(NoName { chain, provider }))
        }
    };
    Ok(MakeRustlsConnect::new(client.with_no_client_auth()))
}

fn refused(text: String) -> StoreError {
    StoreError::Refused(text)
}

/// The certificates of the file, or else the system's.
fn roots(file: Option<&Path>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(refused(
                "this machine has no certificates to trust: name some with sslrootcert".into(),
            ));
        }
        return Ok(roots);
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        refused(format!("{} cannot be read as certificates in PEM: {error}", file.display()))
    };
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(refused(format!("no certificate to trust is in {}", file.display())));
    }
    Ok(roots)
}

/// Looks at no name, and without a chain at nothing but that the server holds the key of its own certificate.
#[derive(Debug)]
struct NoName {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for NoName {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(own, between, name, ocsp, now) {
            // The name is the last thing that is looked at.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, own, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, own, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The driver's TLS, with a note whether it was used: with `sslmode=prefer` the driver does not say.
#[derive(Clone)]
pub(crate) struct Noting<T> {
    tls: T,
    used: Arc<AtomicBool>,
}

impl<T> Noting<T> {
    /// Of one connection, not used yet.
    pub(crate) fn new(tls: T) -> Self {
        Self { tls, used: Arc::default() }
    }

    /// Set once the connection is being encrypted.
    pub(crate) fn used(&self) -> Arc<AtomicBool> {
        self.used.clone()
    }
}

impl<S, T: MakeTlsConnect<S>> MakeTlsConnect<S> for Noting<T> {
    type Stream = T::Stream;
    type TlsConnect = Noting<T::TlsConnect>;
    type Error = T::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, T::Error> {
        Ok(Noting { tls: self.tls.make_tls_connect(domain)?, used: self.used.clone() })
    }
}

impl<S, T: TlsConnect<S>> TlsConnect<S> for Noting<T> {
    type Stream = T::Stream;
    type Error = T::Error;
    type Future = T::Future;

    fn connect(self, stream: S) -> T::Future {
        self.used.store(true, Ordering::Relaxed);
        self.tls.connect(stream)
    }
}
