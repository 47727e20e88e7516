//! The login: each side sends 32 random octets and proves with HMAC-SHA-256 over both that it knows the secret. The secret
//! itself never leaves either side, and a proof is good for one connection and one direction only.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;

use crate::limits::SECRET_OCTETS_MIN;

/// The first octets of a server's greeting; the last of them is the version.
pub const MAGIC: &[u8; 8] = b"HGMETER1";

/// Random octets of one side.
pub type Nonce = [u8; 32];

/// A proof of one side.
pub type Proof = [u8; 32];

/// What both sides know. It is never shown.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// `None` when it is too short to stand guesses.
    pub fn new(secret: &str) -> Option<Secret> {
        (secret.len() >= SECRET_OCTETS_MIN).then(|| Secret(secret.as_bytes().into()))
    }

    /// The client's proof.
    pub fn of_client(&self, server: &Nonce, client: &Nonce) -> Proof {
        self.mac(b"heliograph meter 1 client", server, client).finalize().into_bytes().into()
    }

    /// The server's proof.
    pub fn of_server(&self, server: &Nonce, client: &Nonce) -> Proof {
        self.mac(b"heliograph meter 1 server", server, client).finalize().into_bytes().into()
    }

    /// Whether that is the client's proof; takes as long for a wrong one as for a right one.
    pub fn is_of_client(&self, server: &Nonce, client: &Nonce, proof: &Proof) -> bool {
        self.mac(b"heliograph meter 1 client", server, client).verify_slice(proof).is_ok()
    }

    /// Whether that is the server's proof.
    pub fn is_of_server(&self, server: &Nonce, client: &Nonce, proof: &Proof) -> bool {
        self.mac(b"heliograph meter 1 server", server, client).verify_slice(proof).is_ok()
    }

    fn mac(&self, side: &[u8], server: &Nonce, client: &Nonce) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(side);
        mac.update(server);
        mac.update(client);
        mac
    }
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
