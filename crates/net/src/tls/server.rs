//! The server's side: configured once, its certificates exchanged while connections go on.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::Error;
use crate::socket::Socket;
use crate::tls::{Certificates, EXPORTER_LABEL, TlsInfo, cipher_name, version_name};

/// The oldest TLS version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsFloor {
    /// TLS 1.2 and 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

/// What a listener needs to speak TLS. Cheap to clone; all clones see a reload.
#[derive(Clone, Debug)]
pub struct ServerTls {
    current: Arc<RwLock<Arc<Current>>>,
    floor: TlsFloor,
}

/// One set of certificates and the configuration made from it. A connection keeps the one that it began with.
#[derive(Debug)]
struct Current {
    certificates: Arc<Certificates>,
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// A server with these certificates.
    ///
    /// # Errors
    /// [`Error::TlsNotPossible`] when rustls cannot work with them.
    pub fn new(certificates: Certificates, floor: TlsFloor) -> Result<ServerTls, Error> {
        let current = Current::new(certificates, floor)?;
        Ok(ServerTls { current: Arc::new(RwLock::new(Arc::new(current))), floor })
    }

    /// Takes other certificates for all handshakes from now on. Load them first: a set that does not load never gets
    /// here, and the old one stays.
    ///
    /// # Errors
    /// [`Error::TlsNotPossible`]; the old certificates stay.
    pub fn replace(&self, certificates: Certificates) -> Result<(), Error> {
        let fresh = Arc::new(Current::new(certificates, self.floor)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The names of the certificates in use.
    pub fn names(&self) -> Vec<String> {
        self.snapshot().certificates.names()
    }

    fn snapshot(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn accept(&self, socket: Socket) -> std::io::Result<(TlsStream<Socket>, TlsInfo)> {
        let current = self.snapshot();
        let stream = TlsAcceptor::from(Arc::clone(&current.config)).accept(socket).await?;
        let info = current.describe(&stream);
        Ok((stream, info))
    }
}

impl Current {
    fn new(certificates: Certificates, floor: TlsFloor) -> Result<Current, Error> {
        let versions: &[&rustls::SupportedProtocolVersion] = match floor {
            TlsFloor::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsFloor::Tls13 => &[&rustls::version::TLS13],
        };
        let certificates = Arc::new(certificates);
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .map_err(|_| Error::TlsNotPossible { why: "the cryptography offers none of the wanted versions" })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn rustls::server::ResolvesServerCert>);
        // Stateless tickets: a thousand resumed sessions cost no memory here. One ticket is enough for mail clients.
        config.ticketer = rustls::crypto::ring::Ticketer::new()
            .map_err(|_| Error::TlsNotPossible { why: "the system gave no randomness for session tickets" })?;
        config.send_tls13_tickets = 1;
        Ok(Current { certificates, config: Arc::new(config) })
    }

    fn describe(&self, stream: &TlsStream<Socket>) -> TlsInfo {
        let session = stream.get_ref().1;
        let version = session.protocol_version();
        let exporter = (version == Some(rustls::ProtocolVersion::TLSv1_3))
            .then(|| session.export_keying_material([0; 32], EXPORTER_LABEL, None).ok())
            .flatten();
        TlsInfo {
            version: version_name(version),
            cipher: cipher_name(session.negotiated_cipher_suite()),
            server_name: session.server_name().map(str::to_owned),
            exporter,
            server_end_point: self.certificates.server_end_point(session.server_name()),
            trust: None,
        }
    }
}
