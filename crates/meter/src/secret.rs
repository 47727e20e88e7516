//! The secret that two servers share, and proofs that a side knows it: HMAC-SHA-256 over a label and what both sides said.
//! The meter's login and the greylister's replicas have labels of their own, so that no proof serves for another.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use crate::limits::SECRET_OCTETS_MIN;

/// Random octets of one side.
pub type Nonce = [u8; 32];

/// A proof of one side.
pub type Proof = [u8; 32];

/// A keyed hash under way.
pub(crate) type Mac = Hmac<Sha256>;

/// What both sides know. It is never shown, and never leaves either side.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// `None` when it is too short to stand guesses.
    pub fn new(secret: &str) -> Option<Secret> {
        (secret.len() >= SECRET_OCTETS_MIN).then(|| Secret(secret.as_bytes().into()))
    }

    /// The proof under this label over what was said.
    pub(crate) fn proof(&self, label: &[u8], said: &[&[u8]]) -> Proof {
        self.hash(label, said).finalize().into_bytes().into()
    }

    /// Whether that is the proof; takes as long for a wrong one as for a right one.
    pub(crate) fn is_proof(&self, label: &[u8], said: &[&[u8]], proof: &Proof) -> bool {
        self.hash(label, said).verify_slice(proof).is_ok()
    }

    fn hash(&self, label: &[u8], said: &[&[u8]]) -> Mac {
        let mut hash = keyed(&self.0);
        hash.update(label);
        said.iter().for_each(|part| hash.update(part));
        hash
    }
}

/// A hash with this key, over nothing yet.
pub(crate) fn keyed(key: &[u8]) -> Mac {
    <Mac as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
