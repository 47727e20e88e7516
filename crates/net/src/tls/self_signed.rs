//! Certificates that vouch for themselves: for the demo and for tests.

use crate::error::Error;

/// A certificate and its key.
#[derive(Clone)]
pub struct SelfSigned {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The private key in PEM (PKCS #8).
    pub key_pem: String,
}

/// Makes a certificate (ECDSA P-256, valid until 4096 by rcgen's default) for `names`: host names and addresses. The
/// first is also its subject.
///
/// # Errors
/// [`Error::SelfSigned`] when a name cannot stand in a certificate.
pub fn make(names: &[String]) -> Result<SelfSigned, Error> {
    let failed = |error: rcgen::Error| Error::SelfSigned { why: error.to_string() };
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let mut parameters = rcgen::CertificateParams::new(names.to_vec()).map_err(failed)?;
    let mut subject = rcgen::DistinguishedName::new();
    subject.push(rcgen::DnType::CommonName, names.first().map_or("heliograph", String::as_str));
    parameters.distinguished_name = subject;
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    Ok(SelfSigned { der: certificate.der().to_vec(), certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}
