//! Of which kind the reason is why a server is not believed, for those who tell its owner (RFC 8460 §4.3).

use rustls::CertificateError;

/// Why a server is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// The certificate is for other names.
    WrongName,
    /// It is too old.
    Expired,
    /// It is not what the TLSA records describe.
    NotDescribed,
    /// Nobody whom we trust vouches for it, or it is wrong in another way.
    NotTrusted,
}

impl Distrust {
    /// The kind of what a handshake failed with; `None` when that was not the certificate.
    pub(crate) fn of(error: &rustls::Error) -> Option<Distrust> {
        let rustls::Error::InvalidCertificate(why) = error else { return None };
        Some(match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Distrust::WrongName,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
            CertificateError::ApplicationVerificationFailure => Distrust::NotDescribed,
            _ => Distrust::NotTrusted,
        })
    }
}
