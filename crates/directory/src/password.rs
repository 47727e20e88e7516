//! Passwords at rest: an Argon2id hash for those that arrive in clear, and verifiers for SCRAM.

use crate::error::Error;
use crate::limits::PASSWORD_OCTETS_MAX;
use crate::octets::Octets;
use crate::sasl::scram::{self, Hash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How much work a password hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Rounds of the SCRAM verifiers; RFC 7677 §4 asks for 4096 at least.
    pub rounds: u32,
}

impl Default for Cost {
    /// What is advised for Argon2id with one lane: 19 MiB and two passes.
    fn default() -> Cost {
        Cost { memory_kib: 19 * 1024, passes: 2, rounds: 4096 }
    }
}

/// An account's password in the forms in which it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// How much work the hash is.
    pub cost: Cost,
    /// The hash's salt.
    pub salt: Octets,
    /// Argon2id of the password.
    pub argon2id: Octets,
    /// The verifier for SCRAM-SHA-1.
    pub scram_sha1: scram::Verifier,
    /// The verifier for SCRAM-SHA-256.
    pub scram_sha256: scram::Verifier,
}

/// Blocks of 1 KiB that the allocator gives back to the system when they are freed.
const RETURNED_BLOCKS: usize = 33 * 1024;

/// The hash of a secret that we made ourselves, so long that guessing is hopeless and one round is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretHash {
    /// Its salt.
    pub salt: Octets,
    /// SHA-256 of salt and secret.
    pub sha256: Octets,
}

/// Random octets from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| Error::unavailable(error.to_string()))?;
    Ok(octets)
}

impl Credentials {
    /// Hashes a password. Takes some ten milliseconds of one core.
    pub fn new(password: &str, cost: Cost) -> Result<Credentials, Error> {
        let fits =
            !password.is_empty() && password.len() <= PASSWORD_OCTETS_MAX && !password.chars().any(char::is_control);
        if !fits {
            return Err(Error::BadPassword);
        }
        let salt = random::<16>()?;
        Ok(Credentials {
            cost,
            salt: Octets(salt.to_vec()),
            argon2id: Octets(argon2id(password, &salt, cost)?),
            scram_sha1: scram::Verifier::new(Hash::Sha1, password, &random::<16>()?, cost.rounds),
            scram_sha256: scram::Verifier::new(Hash::Sha256, password, &random::<16>()?, cost.rounds),
        })
    }

    /// Whether this is the password. Takes as long as hashing it.
    pub fn verify(&self, password: &str) -> Result<bool, Error> {
        if password.len() > PASSWORD_OCTETS_MAX {
            return Ok(false);
        }
        let hash = argon2id(password, &self.salt.0, self.cost)?;
        Ok(hash.ct_eq(&self.argon2id.0).into())
    }

    /// The verifier for a SCRAM mechanism.
    pub fn verifier(&self, hash: Hash) -> &scram::Verifier {
        match hash {
            Hash::Sha1 => &self.scram_sha1,
            Hash::Sha256 => &self.scram_sha256,
        }
    }
}

fn argon2id(password: &str, salt: &[u8], cost: Cost) -> Result<Vec<u8>, Error> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32))
        .map_err(|error| Error::unavailable(error.to_string()))?;
    let mut out = vec![0; 32];
    // COMPAT: glibc keeps freed blocks of up to 32 MiB in the arena of each thread, so that a burst of logins on many threads
    // would hold hundreds of megabytes for good. A larger one goes back to the system; what is not touched costs nothing.
    let mut memory: Vec<Block> = Vec::with_capacity(params.block_count().max(RETURNED_BLOCKS));
    memory.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let password = scram::prepare(password);
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut out, &mut memory)
        .map_err(|error| Error::unavailable(error.to_string()))?;
    Ok(out)
}

impl SecretHash {
    /// Hashes a secret.
    pub fn new(secret: &str) -> Result<SecretHash, Error> {
        let salt = random::<16>()?;
        Ok(SecretHash { sha256: Octets(salted(&salt, secret)), salt: Octets(salt.to_vec()) })
    }

    /// Whether this is the secret.
    pub fn verify(&self, secret: &str) -> bool {
        salted(&self.salt.0, secret).ct_eq(&self.sha256.0).into()
    }
}

fn salted(salt: &[u8], secret: &str) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(secret).finalize().to_vec()
}

/// A new secret of 120 random bits that is easy to copy: four groups of letters and digits without those that look alike.
pub fn new_secret() -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut secret = String::new();
    for (index, octet) in random::<24>()?.into_iter().enumerate() {
        if index > 0 && index % 6 == 0 {
            secret.push('-');
        }
        secret.push(char::from(LETTERS.get(usize::from(octet % 32)).copied().unwrap_or(b'x')));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, rounds: 10 };

    #[test]
    fn only_the_password_fits() {
        let credentials = Credentials::new("correct horse", CHEAP).unwrap();
        assert!(credentials.verify("correct horse").unwrap());
        assert!(!credentials.verify("correct horsf").unwrap());
        assert!(!credentials.verify(&"x".repeat(5000)).unwrap());
        assert!(matches!(Credentials::new("", CHEAP), Err(Error::BadPassword)));
        assert!(matches!(Credentials::new("a\nb", CHEAP), Err(Error::BadPassword)));
    }

    #[test]
    fn secrets_are_long_and_different() {
        let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
        assert_eq!(one.len(), 27);
        assert_ne!(one, two);
        let hash = SecretHash::new(&one).unwrap();
        assert!(hash.verify(&one) && !hash.verify(&two));
    }
}
