//! Encrypted connections: whom to trust.

use std::sync::Arc;

use amqprs::tls::TlsAdaptor;
use control_plane::ports::BrokerError;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::config::AmqpConfig;

/// Trusts the certificates of the configured file, or else the machine's.
pub(crate) fn adaptor(config: &AmqpConfig) -> Result<TlsAdaptor, BrokerError> {
    let mut roots = RootCertStore::empty();
    match &config.ca_file {
        Some(file) => {
            let unreadable = |error: &dyn std::fmt::Display| {
                BrokerError::Refused(format!(
                    "{} cannot be read as certificates in PEM: {error}",
                    file.display()
                ))
            };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let place =
            config.ca_file.as_ref().map_or("on this machine".into(), |file| format!("in {}", file.display()));
        return Err(BrokerError::Refused(format!("no certificate to trust is {place}")));
    }
    // The provider is named, since a process that links several has no default.
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| BrokerError::Refused(format!("this build cannot encrypt: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let domain = config.server.host.trim_matches(['[', ']']).to_owned();
    Ok(TlsAdaptor::new(TlsConnector::from(Arc::new(client)), domain))
}
