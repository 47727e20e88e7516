//! The secret that signs detour fields, kept in the data folder.

use hmac::{Hmac, KeyInit, Mac};
use net::Random;
use sha2::Sha256;
use std::path::Path;

/// Octets of the secret.
const SECRET_OCTETS: usize = 32;
/// The name of the file.
const FILE: &str = "detour.key";

/// The secret.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// One from these octets.
    pub fn new(secret: Vec<u8>) -> Key {
        Key(secret)
    }

    /// That of a data folder, made when there is none. Blocks.
    ///
    /// # Errors
    /// The file cannot be read or written, or is damaged.
    pub fn open(data: &Path, random: &dyn Random) -> std::io::Result<Key> {
        let path = data.join(FILE);
        match std::fs::read(&path) {
            Ok(secret) if secret.len() >= SECRET_OCTETS => return Ok(Key(secret)),
            Ok(_) => {
                let why = format!("{} is too short; restore or remove it", path.display());
                return Err(std::io::Error::other(why));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let secret: Vec<u8> = (0..SECRET_OCTETS / 8).flat_map(|_| random.u64().to_be_bytes()).collect();
        write_private(&path, &secret)?;
        Ok(Key(secret))
    }

    /// The signature of a text.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.mac(text).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    /// Whether a signature is ours; takes as long wherever it differs.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        self.mac(text).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }

    fn mac(&self, text: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(text);
        Some(mac)
    }
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, octets: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}
