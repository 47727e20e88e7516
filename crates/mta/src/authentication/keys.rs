//! Keys that sign our mail: one file each below the data folder, which only its owner can read.
//!
//! `DATA/dkim/DOMAIN/SELECTOR.json`. A new key waits until its record is published, then signs, then is retired: its record
//! should stay for a while so that mail on its way can still be checked (RFC 6376 §3.1).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey};
use mail_auth::dkim::generate::DkimKeyPair;
use mail_auth::dkim::{DkimSigner, Done};
use serde::{Deserialize, Serialize};

/// Keys of one domain.
const KEYS_MAX: usize = 64;
/// Bits of an RSA key (RFC 8301 §3.2 asks for 2048 at least when signing).
pub const RSA_BITS: usize = 2048;

/// The fields that are signed. Those that a message does not have are signed as missing, and From once more than it is
/// there, so that nobody can add one (RFC 6376 §5.4.2, §8.15).
const SIGNED_FIELDS: [&str; 13] = [
    "From",
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// RFC 6376, RFC 8301.
    Rsa,
    /// RFC 8463.
    Ed25519,
}

impl Algorithm {
    /// Its name as `k=` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa",
            Algorithm::Ed25519 => "ed25519",
        }
    }
}

/// What a key is for at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its record is to be published; it does not sign yet.
    Waiting,
    /// It signs.
    Active,
    /// It signs no more.
    Retired,
}

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Whose.
    pub domain: String,
    /// Its name.
    pub selector: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// What it is for.
    pub state: State,
    /// When it was made, in seconds since 1970.
    pub created_secs: u64,
    /// The private key in DER, base64: PKCS#1 for RSA, PKCS#8 for Ed25519.
    pub private: String,
    /// The value of `p=`.
    pub public: String,
}

impl std::fmt::Debug for Kept {
    /// Never shows the private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("domain", &self.domain).field("selector", &self.selector).finish_non_exhaustive()
    }
}

impl Kept {
    /// The name of its record.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The text of its record (RFC 6376 §3.6.1).
    pub fn record_text(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm.as_str(), self.public)
    }
}

/// Why keys could not be read, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or folder.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no key.
    #[error("{} holds no usable key: {why}; move it away or restore it from a backup", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The cryptography refused.
    #[error("cannot make a key: {0}")]
    Cryptography(String),
    /// The name is no selector or domain.
    #[error("`{0}` is no selector: use letters, digits and hyphens")]
    NotASelector(String),
    /// There is one already.
    #[error("{domain} has a key {selector} already")]
    Exists {
        /// Whose.
        domain: String,
        /// Its name.
        selector: String,
    },
    /// There is none.
    #[error("{domain} has no key {selector}")]
    NoKey {
        /// Whose.
        domain: String,
        /// Its name.
        selector: String,
    },
    /// There are enough.
    #[error("{0} has as many keys as a domain can have; remove retired ones")]
    TooMany(String),
}

/// A key ready to sign.
pub struct Key {
    /// What is kept of it.
    pub kept: Kept,
    /// For messages.
    pub signer: DkimSigner<DkimKey, Done>,
    /// For chains, which are signed otherwise.
    pub plain: DkimKey,
}

/// All keys.
pub struct KeyRing {
    folder: PathBuf,
    by_domain: RwLock<BTreeMap<String, Vec<Arc<Key>>>>,
}

impl KeyRing {
    /// Reads the keys below a folder, which need not exist. Blocks.
    ///
    /// # Errors
    /// [`KeyError::File`] and [`KeyError::Unusable`]: a key that cannot be read must not be passed over in silence.
    pub fn open(folder: &Path) -> Result<KeyRing, KeyError> {
        let mut by_domain: BTreeMap<String, Vec<Arc<Key>>> = BTreeMap::new();
        for domain in list(folder)? {
            for file in list(&domain)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "json")) {
                let failed = |source| KeyError::File { doing: "read", path: file.clone(), source };
                let text = std::fs::read(&file).map_err(failed)?;
                let unusable = |why: String| KeyError::Unusable { path: file.clone(), why };
                let kept: Kept = serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
                let key = ready(kept).map_err(|error| unusable(error.to_string()))?;
                by_domain.entry(key.kept.domain.clone()).or_default().push(Arc::new(key));
            }
        }
        Ok(KeyRing { folder: folder.to_owned(), by_domain: RwLock::new(by_domain) })
    }

    /// Every key of a domain, or of all.
    pub fn list(&self, domain: Option<&str>) -> Vec<Kept> {
        let all = self.by_domain.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = all.iter().filter(|(name, _)| domain.is_none_or(|domain| name.eq_ignore_ascii_case(domain)));
        wanted.flat_map(|(_, keys)| keys.iter().map(|key| key.kept.clone())).collect()
    }

    /// The keys that sign for a domain, or for the nearest one above it that has any.
    pub fn active(&self, domain: &str) -> Vec<Arc<Key>> {
        let all = self.by_domain.read().unwrap_or_else(PoisonError::into_inner);
        let domain = domain.to_ascii_lowercase();
        let mut name = domain.as_str();
        loop {
            let keys = all.get(name).map(Vec::as_slice).unwrap_or_default();
            let active: Vec<Arc<Key>> =
                keys.iter().filter(|key| key.kept.state == State::Active).map(Arc::clone).collect();
            match name.split_once('.') {
                Some((_, rest)) if active.is_empty() && rest.contains('.') => name = rest,
                _ => return active,
            }
        }
    }

    /// Makes a key and keeps it. Blocks: an RSA key takes a moment.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn create(
        &self,
        domain: &str,
        selector: &str,
        algorithm: Algorithm,
        state: State,
        now_secs: u64,
    ) -> Result<Kept, KeyError> {
        let domain = domain.to_ascii_lowercase();
        let is_label = |label: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !label.is_empty() && label.len() <= 63 && label.chars().all(inner) && !label.starts_with('-')
        };
        for name in [selector, &domain] {
            if name.len() > 200 || !name.split('.').all(is_label) {
                return Err(KeyError::NotASelector(name.to_owned()));
            }
        }
        let known = self.list(Some(&domain));
        if known.iter().any(|key| key.selector.eq_ignore_ascii_case(selector)) {
            return Err(KeyError::Exists { domain, selector: selector.to_owned() });
        }
        if known.len() >= KEYS_MAX {
            return Err(KeyError::TooMany(domain));
        }
        let made = match algorithm {
            Algorithm::Rsa => DkimKeyPair::generate_rsa(RSA_BITS),
            Algorithm::Ed25519 => DkimKeyPair::generate_ed25519(),
        };
        let made = made.map_err(|error| KeyError::Cryptography(error.to_string()))?;
        let public = match algorithm {
            // Verifiers expect the key with its algorithm around it (RFC 6376 §3.6.1 by way of RFC 5280).
            Algorithm::Rsa => STANDARD.encode(subject_public_key_info(made.public_key())),
            Algorithm::Ed25519 => STANDARD.encode(made.public_key()),
        };
        let kept = Kept {
            domain: domain.clone(),
            selector: selector.to_owned(),
            algorithm,
            state,
            created_secs: now_secs,
            private: STANDARD.encode(made.private_key()),
            public,
        };
        self.keep(&kept)?;
        let key = ready(kept.clone())?;
        let mut all = self.by_domain.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(domain).or_default().push(Arc::new(key));
        Ok(kept)
    }

    /// Changes what a key is for. Blocks.
    ///
    /// # Errors
    /// [`KeyError::NoKey`], [`KeyError::File`].
    pub fn set_state(&self, domain: &str, selector: &str, state: State) -> Result<Kept, KeyError> {
        let none = || KeyError::NoKey { domain: domain.to_owned(), selector: selector.to_owned() };
        let mut kept = self.list(Some(domain)).into_iter().find(|key| key.selector == selector).ok_or_else(none)?;
        kept.state = state;
        self.keep(&kept)?;
        let key = Arc::new(ready(kept.clone())?);
        let mut all = self.by_domain.write().unwrap_or_else(PoisonError::into_inner);
        let place =
            all.get_mut(&kept.domain).and_then(|keys| keys.iter_mut().find(|key| key.kept.selector == selector));
        *place.ok_or_else(none)? = key;
        Ok(kept)
    }

    /// Removes a key for good. Blocks.
    ///
    /// # Errors
    /// [`KeyError::NoKey`], [`KeyError::File`].
    pub fn remove(&self, domain: &str, selector: &str) -> Result<(), KeyError> {
        let none = || KeyError::NoKey { domain: domain.to_owned(), selector: selector.to_owned() };
        let kept = self.list(Some(domain)).into_iter().find(|key| key.selector == selector).ok_or_else(none)?;
        let path = self.path(&kept);
        std::fs::remove_file(&path).map_err(|source| KeyError::File { doing: "remove", path, source })?;
        let mut all = self.by_domain.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = all.get_mut(&kept.domain) {
            keys.retain(|key| key.kept.selector != selector);
        }
        Ok(())
    }

    fn path(&self, kept: &Kept) -> PathBuf {
        self.folder.join(&kept.domain).join(format!("{}.json", kept.selector))
    }

    /// Writes the file beside its place and then into it, so that there is always a whole one.
    fn keep(&self, kept: &Kept) -> Result<(), KeyError> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        let path = self.path(kept);
        let folder = path.parent().unwrap_or(&self.folder).to_owned();
        let failed = |doing, path: &Path, source| KeyError::File { doing, path: path.to_owned(), source };
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| failed("make the folder", &folder, error))?;
        let text = serde_json::to_vec_pretty(kept).map_err(|error| KeyError::Cryptography(error.to_string()))?;
        let beside = path.with_extension("new");
        let written = (|| {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&beside, &path)?;
            std::fs::File::open(&folder)?.sync_all()
        })();
        written.map_err(|error| failed("write", &path, error))
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let failed = |source| KeyError::File { doing: "read", path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn ready(kept: Kept) -> Result<Key, KeyError> {
    let fields = SIGNED_FIELDS.map(str::to_owned);
    let signer = DkimSigner::from_key(private(&kept)?)
        .domain(kept.domain.clone())
        .selector(kept.selector.clone())
        .headers(fields);
    Ok(Key { plain: private(&kept)?, kept, signer })
}

fn private(kept: &Kept) -> Result<DkimKey, KeyError> {
    let refused = |why: String| KeyError::Cryptography(why);
    let der = STANDARD.decode(&kept.private).map_err(|error| refused(error.to_string()))?;
    match kept.algorithm {
        Algorithm::Rsa => {
            let der = rustls_pki_types::PrivatePkcs1KeyDer::from(der);
            RsaKey::from_key_der(der.into()).map(DkimKey::Rsa).map_err(|error| refused(error.to_string()))
        }
        Algorithm::Ed25519 => {
            Ed25519Key::from_pkcs8_der(&der).map(DkimKey::Ed25519).map_err(|error| refused(error.to_string()))
        }
    }
}

/// An RSA public key with its algorithm around it (RFC 3279 §2.3.1): `SEQUENCE { SEQUENCE { OID, NULL }, BIT STRING }`.
fn subject_public_key_info(key: &[u8]) -> Vec<u8> {
    const ALGORITHM: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let bits = [&[0], key].concat();
    let inner = [&ALGORITHM[..], &[0x03], &length(bits.len()), &bits].concat();
    [&[0x30], &length(inner.len())[..], &inner].concat()
}

/// A DER length.
fn length(octets: usize) -> Vec<u8> {
    let digits = octets.to_be_bytes();
    let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    match (digits.as_slice(), u8::try_from(digits.len())) {
        ([one], _) if *one < 0x80 => vec![*one],
        (digits, Ok(count)) => [&[0x80 | count], digits].concat(),
        (_, Err(_)) => vec![0],
    }
}
