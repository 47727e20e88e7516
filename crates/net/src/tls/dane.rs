//! Certificates judged by TLSA records instead of authorities (RFC 7672 §3.1): the server itself (DANE-EE), or one that
//! the domain's own authority vouches for (DANE-TA).

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256, Sha512};
use webpki::EndEntityCert;

use crate::resolver::record::Tlsa;

/// Certificates of a chain that are looked at.
const CHAIN_MAX: usize = 10;

/// Whether a record describes this certificate, given in DER (RFC 6698 §2.1).
pub fn describes(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    let key;
    let selected: &[u8] = match record.selector {
        0 => certificate,
        1 => match EndEntityCert::try_from(certificate) {
            Ok(parsed) => {
                key = parsed.subject_public_key_info();
                &key
            }
            Err(_) => return false,
        },
        _ => return false,
    };
    match record.matching {
        0 => selected == record.data,
        1 => Sha256::digest(selected)[..] == record.data[..],
        2 => Sha512::digest(selected)[..] == record.data[..],
        _ => false,
    }
}

/// The usable records of a server: only what they describe is believed.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// The records.
    pub records: Vec<Tlsa>,
    /// Names beside the server's that a certificate of the domain's authority may be for (RFC 7672 §3.2.2).
    pub others: Vec<ServerName<'static>>,
}

impl Pinned {
    /// Whether this is the server that the records describe.
    pub fn believes(
        &self,
        provider: &Arc<CryptoProvider>,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        // Of the server's own certificate neither name nor dates count (RFC 7672 §3.1.1).
        self.records.iter().any(|record| record.usage == 3 && describes(record, own))
            || self.is_vouched_for(provider, own, others, name, now)
    }

    /// Whether an authority among `others` that a record of usage 2 describes vouches for the server under one of its names
    /// (RFC 7672 §3.1.2). Its own certificate is no authority: that is what usage 3 is for.
    fn is_vouched_for(
        &self,
        provider: &Arc<CryptoProvider>,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let anchors = self.records.iter().filter(|record| record.usage == 2);
        for record in anchors {
            for anchor in others.iter().take(CHAIN_MAX).filter(|one| describes(record, one)) {
                let mut roots = RootCertStore::empty();
                if roots.add(anchor.clone().into_owned()).is_err() {
                    continue;
                }
                let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
                let Ok(verifier) = builder.build() else { continue };
                let mut names = std::iter::once(name).chain(&self.others);
                if names.any(|name| verifier.verify_server_cert(own, others, name, &[], now).is_ok()) {
                    return true;
                }
            }
        }
        false
    }
}

/// The record of the first certificate in a PEM file; `None` when there is none.
pub fn record_of_file(path: &Path) -> Option<Tlsa> {
    let first = CertificateDer::pem_file_iter(path).ok()?.next()?.ok()?;
    record_of(&first)
}

/// The record that a server with this certificate (DER) publishes: `3 1 1`, the hash of its key (RFC 7672 §3.1.1).
/// `None` when the octets are no certificate.
pub fn record_of(certificate: &[u8]) -> Option<Tlsa> {
    let der = CertificateDer::from(certificate);
    let parsed = EndEntityCert::try_from(&der).ok()?;
    let data = Sha256::digest(&*parsed.subject_public_key_info()).to_vec();
    Some(Tlsa { usage: 3, selector: 1, matching: 1, data })
}
