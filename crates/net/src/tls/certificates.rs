//! A server's certificates, and which of them a client gets by the name that it asks for (SNI, RFC 6066 §3).

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::error::Error;
use crate::tls::binding;

/// Where one certificate lies and for whom it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM file with the certificate and those that vouch for it, the server's own first.
    pub chain: PathBuf,
    /// PEM file with the private key; may be the same file.
    pub key: PathBuf,
    /// The names it is chosen by, `*.example.org` among them; empty takes them from the certificate.
    pub names: Vec<String>,
}

/// A set of certificates, fixed once loaded: a reload makes a new set.
pub struct Certificates {
    by_name: HashMap<String, Arc<Held>>,
    /// For clients that name nobody, or somebody unknown: the first.
    default: Arc<Held>,
}

struct Held {
    key: Arc<CertifiedKey>,
    server_end_point: Option<Vec<u8>>,
}

impl Certificates {
    /// Loads certificates from files. The first is the default.
    ///
    /// # Errors
    /// [`Error::Certificate`] names the file that cannot be used and why; [`Error::TlsNotPossible`] for an empty list.
    pub fn load(files: &[CertificateFiles]) -> Result<Certificates, Error> {
        let mut held = Vec::new();
        for each in files {
            let chain = read(&each.chain, "certificate")?;
            let key = read(&each.key, "key")?;
            held.push(Certificates::hold(&chain, &key, &each.names, &each.chain, &each.key)?);
        }
        Certificates::gather(held)
    }

    /// One certificate from PEM texts (tests, and certificates that were just made).
    ///
    /// # Errors
    /// [`Error::Certificate`] as [`Certificates::load`].
    pub fn from_pem(chain: &str, key: &str) -> Result<Certificates, Error> {
        let nowhere = Path::new("in memory");
        Certificates::gather(vec![Certificates::hold(chain.as_bytes(), key.as_bytes(), &[], nowhere, nowhere)?])
    }

    fn gather(all: Vec<(Vec<String>, Arc<Held>)>) -> Result<Certificates, Error> {
        let default = match all.first() {
            Some((_, held)) => Arc::clone(held),
            None => return Err(Error::TlsNotPossible { why: "no certificate is configured" }),
        };
        let mut by_name = HashMap::new();
        for (names, held) in all {
            for name in names {
                // The first certificate for a name wins, as the settings' order says.
                by_name.entry(name.to_ascii_lowercase()).or_insert_with(|| Arc::clone(&held));
            }
        }
        Ok(Certificates { by_name, default })
    }

    fn hold(
        chain: &[u8],
        key: &[u8],
        names: &[String],
        chain_path: &Path,
        key_path: &Path,
    ) -> Result<(Vec<String>, Arc<Held>), Error> {
        let bad_chain = |why: String| Error::Certificate { what: "certificate", path: chain_path.to_owned(), why };
        let bad_key = |why: String| Error::Certificate { what: "key", path: key_path.to_owned(), why };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| bad_chain(error.to_string()))?;
        let own = chain.first().ok_or_else(|| bad_chain("it holds no certificate".to_owned()))?.clone();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| bad_key(error.to_string()))?;
        let signer = ring::sign::any_supported_type(&key).map_err(|error| bad_key(error.to_string()))?;
        let certified = CertifiedKey::new(chain, signer);
        certified.keys_match().map_err(|_| bad_key("it is not the key of the certificate".to_owned()))?;
        let names = if names.is_empty() { names_within(&own).map_err(bad_chain)? } else { names.to_vec() };
        let server_end_point = binding::server_end_point(&own);
        Ok((names, Arc::new(Held { key: Arc::new(certified), server_end_point })))
    }

    /// The names by which certificates are chosen, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.by_name.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// The `tls-server-end-point` binding of the certificate that a client asking for `name` gets.
    pub(crate) fn server_end_point(&self, name: Option<&str>) -> Option<Vec<u8>> {
        self.choose(name).server_end_point.clone()
    }

    fn choose(&self, name: Option<&str>) -> &Arc<Held> {
        let Some(name) = name else { return &self.default };
        let name = name.to_ascii_lowercase();
        if let Some(held) = self.by_name.get(&name) {
            return held;
        }
        // A wildcard stands for exactly one label (RFC 9525 §6.3).
        let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        wildcard.and_then(|wildcard| self.by_name.get(&wildcard)).unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.choose(hello.server_name()).key))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("names", &self.names()).finish_non_exhaustive()
    }
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Certificate { what, path: path.to_owned(), why: error.to_string() })
}

fn names_within(certificate: &CertificateDer<'_>) -> Result<Vec<String>, String> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|error| error.to_string())?;
    Ok(parsed.valid_dns_names().map(str::to_owned).collect())
}
