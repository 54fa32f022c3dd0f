//! TLS of senders: which certificates are trusted, and by which provider. The one file that knows that the provider is `ring`.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why TLS cannot be spoken at all.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Nothing is trusted.
    #[error(
        "this host trusts no certificate{detail}: install ca-certificates, or name a file with SSL_CERT_FILE"
    )]
    NoRoots {
        /// What the system said.
        detail: String,
    },
    /// The library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    SetUp(#[from] rustls::Error),
}

/// What is trusted. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// With the certificates that this host trusts, or those of `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// There are none, or the library cannot be set up.
    pub fn of_host() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let detail =
                found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
            return Err(TlsError::NoRoots { detail });
        }
        Self::trusting(roots)
    }

    /// With these.
    ///
    /// # Errors
    /// The library cannot be set up.
    pub fn trusting(roots: RootCertStore) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Speaks TLS on a connection with `host`, which is a name or an address.
    pub(in crate::notify) async fn greet(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a server"))?;
        self.connector.connect(name, stream).await
    }
}
