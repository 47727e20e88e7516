//! The client's side: encryption against anybody, or only against a server that proves who it is.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::Error;
use crate::resolver::record::Tlsa;
use crate::socket::Socket;
use crate::tls::dane::Pinned;
use crate::tls::distrust::Distrust;
use crate::tls::{EXPORTER_LABEL, TlsInfo, binding, cipher_name, version_name};

/// How much a server must prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Encrypt against whoever is there (RFC 7435); whether the certificate would have stood is recorded.
    Opportunistic,
    /// The certificate must be good for the name.
    Required,
}

/// Whether the server's certificate was good for the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustVerdict {
    /// It was.
    Verified,
    /// It was not: of which kind the reason is, and the reason.
    Unverified(Distrust, String),
}

/// What connecting out needs to speak TLS. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientTls {
    provider: Arc<CryptoProvider>,
    verifier: Arc<WebPkiServerVerifier>,
    opportunistic: Arc<ClientConfig>,
    required: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts the web's certificate authorities and, where given, those in a PEM file.
    ///
    /// # Errors
    /// [`Error::Certificate`] when the file cannot be used.
    pub fn new(extra_roots: Option<&Path>) -> Result<ClientTls, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = extra_roots {
            add_roots(&mut roots, path)?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| Error::TlsNotPossible { why: "there is no certificate authority to trust" })?;
        let anybody = Arc::new(Verifier { provider: Arc::clone(&provider), trusts: Trusts::Anybody });
        Ok(ClientTls {
            opportunistic: configure(&provider, anybody)?,
            required: configure(&provider, Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)?,
            verifier,
            provider,
        })
    }

    pub(crate) async fn connect(
        &self,
        socket: Socket,
        name: &str,
        trust: Trust,
    ) -> io::Result<(TlsStream<Socket>, TlsInfo)> {
        let (config, server_name) = match (trust, ServerName::try_from(name.trim_end_matches('.').to_owned())) {
            (Trust::Required, Ok(name)) => (&self.required, name),
            (Trust::Required, Err(_)) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("no certificate can be for `{name}`")));
            }
            (Trust::Opportunistic, Ok(name)) => (&self.opportunistic, name),
            // A host name with an underscore, say: go on without naming the server.
            (Trust::Opportunistic, Err(_)) => (&self.opportunistic, ServerName::from(std::net::Ipv4Addr::UNSPECIFIED)),
        };
        let stream = TlsConnector::from(Arc::clone(config)).connect(server_name.clone(), socket).await?;
        let info = self.describe(&stream, &server_name);
        Ok((stream, info))
    }

    /// Connects to a server that must be the one that TLSA records describe; without any usable one, whoever is there
    /// (RFC 7672 §2.2). The first of `names` is the server's.
    pub(crate) async fn connect_pinned(
        &self,
        socket: Socket,
        names: &[String],
        records: &[Tlsa],
    ) -> io::Result<(TlsStream<Socket>, TlsInfo)> {
        let records: Vec<Tlsa> = records.iter().filter(|record| record.is_usable()).cloned().collect();
        let name = names.first().map_or("", String::as_str);
        if records.is_empty() {
            return self.connect(socket, name, Trust::Opportunistic).await;
        }
        let refused = || io::Error::new(io::ErrorKind::InvalidInput, format!("no certificate can be for `{name}`"));
        let server_name = ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| refused())?;
        let others = names.iter().skip(1).filter_map(|name| ServerName::try_from(name.clone()).ok());
        let trusts = Trusts::Described(Pinned { records, others: others.collect() });
        let verifier = Arc::new(Verifier { provider: Arc::clone(&self.provider), trusts });
        let config = configure(&self.provider, verifier).map_err(|error| io::Error::other(error.to_string()))?;
        let stream = TlsConnector::from(config).connect(server_name.clone(), socket).await?;
        let info = TlsInfo { trust: Some(TrustVerdict::Verified), ..self.describe(&stream, &server_name) };
        Ok((stream, info))
    }

    fn describe(&self, stream: &TlsStream<Socket>, name: &ServerName<'_>) -> TlsInfo {
        let session = stream.get_ref().1;
        let version = session.protocol_version();
        let chain = session.peer_certificates().unwrap_or_default();
        let exporter = (version == Some(rustls::ProtocolVersion::TLSv1_3))
            .then(|| session.export_keying_material([0; 32], EXPORTER_LABEL, None).ok())
            .flatten();
        TlsInfo {
            version: version_name(version),
            cipher: cipher_name(session.negotiated_cipher_suite()),
            server_name: Some(name.to_str().into_owned()),
            exporter,
            server_end_point: chain.first().and_then(|own| binding::server_end_point(own)),
            trust: Some(self.judge(chain, name)),
        }
    }

    fn judge(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>) -> TrustVerdict {
        let Some((own, others)) = chain.split_first() else {
            return TrustVerdict::Unverified(Distrust::NotTrusted, "the server showed no certificate".to_owned());
        };
        match self.verifier.verify_server_cert(own, others, name, &[], UnixTime::now()) {
            Ok(_) => TrustVerdict::Verified,
            Err(error) => {
                TrustVerdict::Unverified(Distrust::of(&error).unwrap_or(Distrust::NotTrusted), error.to_string())
            }
        }
    }
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
    let bad = |why: String| Error::Certificate { what: "root certificates", path: path.to_owned(), why };
    let mut count = 0;
    for root in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))? {
        roots.add(root.map_err(|error| bad(error.to_string()))?).map_err(|error| bad(error.to_string()))?;
        count += 1;
    }
    if count == 0 { Err(bad("it holds no certificate".to_owned())) } else { Ok(()) }
}

fn configure(
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::TlsNotPossible { why: "the cryptography offers no TLS version" })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(RESUMED_SESSIONS);
    Ok(Arc::new(config))
}

/// Sessions kept for resumption, over all servers.
const RESUMED_SESSIONS: usize = 256;

/// Whom a [`Verifier`] believes.
#[derive(Debug)]
enum Trusts {
    /// Every certificate (RFC 7435).
    Anybody,
    /// What TLSA records describe (RFC 7672).
    Described(Pinned),
}

/// Judges certificates without authorities, but only from a server that holds its key.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trusts: Trusts,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trusts {
            Trusts::Described(pinned) if !pinned.believes(&self.provider, own, others, name, now) => {
                Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            Trusts::Described(_) | Trusts::Anybody => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
