//! Proofs that a peer knows the secret, and the seals of frames: HMAC-SHA-256 over what both sides said at the beginning.

use std::fmt;

use hmac::Mac as _;

use crate::greylist::triplet::Mask;
use crate::secret::{Mac, Nonce, Proof, Secret, keyed};

/// What the server says first: the protocol's name and version, and a random text.
pub const SERVER_HELLO_OCTETS: usize = 8 + 32;
/// What the client answers: the same, the two masks, and its proof.
pub const CLIENT_HELLO_OCTETS: usize = 8 + 32 + 2 + 32;
/// The server's proof.
pub const PROOF_OCTETS: usize = 32;
/// The seal of a frame.
pub const SEAL_OCTETS: usize = 16;

const MAGIC: &[u8; 8] = b"HGREYRP1";

/// Under these each side proves that it knows the secret.
const CLIENT: &[u8] = b"client proof";
const SERVER: &[u8] = b"server proof";

/// Why the beginning of a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// The peer speaks something else.
    #[error("it does not speak this protocol in this version")]
    Foreign,
    /// The peer does not know the secret.
    #[error("it does not know the secret")]
    WrongSecret,
    /// The peer counts other bits of addresses, so that its digests mean nothing here.
    #[error("it has other masks: set ipv4_mask and ipv6_mask to the same on both")]
    OtherMasks,
}

fn masks(mask: Mask) -> [u8; 2] {
    [mask.v4_bits, mask.v6_bits]
}

/// The server's first words.
pub fn server_hello(nonce: &Nonce) -> [u8; SERVER_HELLO_OCTETS] {
    let mut hello = [0; SERVER_HELLO_OCTETS];
    hello.iter_mut().zip(MAGIC.iter().chain(nonce)).for_each(|(to, from)| *to = *from);
    hello
}

/// The server's random text out of its first words.
///
/// # Errors
/// [`Offence::Foreign`].
pub fn read_server_hello(hello: &[u8; SERVER_HELLO_OCTETS]) -> Result<Nonce, Offence> {
    let (magic, rest) = hello.split_first_chunk::<8>().ok_or(Offence::Foreign)?;
    if magic != MAGIC {
        return Err(Offence::Foreign);
    }
    rest.try_into().map_err(|_| Offence::Foreign)
}

/// The client's answer.
pub fn client_hello(secret: &Secret, server: &Nonce, client: &Nonce, mask: Mask) -> [u8; CLIENT_HELLO_OCTETS] {
    let proof = secret.proof(CLIENT, &[server, client, &masks(mask)]);
    let mut hello = [0; CLIENT_HELLO_OCTETS];
    let parts = MAGIC.iter().chain(client).copied().chain(masks(mask)).chain(proof);
    hello.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    hello
}

/// The client's random text out of its answer, when its proof is good.
///
/// # Errors
/// An [`Offence`].
pub fn read_client_hello(
    secret: &Secret,
    server: &Nonce,
    mask: Mask,
    hello: &[u8; CLIENT_HELLO_OCTETS],
) -> Result<Nonce, Offence> {
    let (magic, rest) = hello.split_first_chunk::<8>().ok_or(Offence::Foreign)?;
    let (client, rest) = rest.split_first_chunk::<32>().ok_or(Offence::Foreign)?;
    let (theirs, proof) = rest.split_first_chunk::<2>().ok_or(Offence::Foreign)?;
    let proof: &Proof = proof.try_into().map_err(|_| Offence::Foreign)?;
    if magic != MAGIC {
        return Err(Offence::Foreign);
    }
    if !secret.is_proof(CLIENT, &[server, client, theirs], proof) {
        return Err(Offence::WrongSecret);
    }
    if *theirs != masks(mask) { Err(Offence::OtherMasks) } else { Ok(*client) }
}

/// The server's proof.
pub fn server_proof(secret: &Secret, server: &Nonce, client: &Nonce) -> [u8; PROOF_OCTETS] {
    secret.proof(SERVER, &[server, client])
}

/// Whether the server's proof is good.
///
/// # Errors
/// [`Offence::WrongSecret`].
pub fn check_server_proof(
    secret: &Secret,
    server: &Nonce,
    client: &Nonce,
    proof: &[u8; PROOF_OCTETS],
) -> Result<(), Offence> {
    let is_good = secret.is_proof(SERVER, &[server, client], proof);
    is_good.then_some(()).ok_or(Offence::WrongSecret)
}

/// Which way frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected.
    FromClient,
    /// From who was connected to.
    FromServer,
}

/// Seals frames one after the other: a frame that is altered, left out, repeated or from another connection is noticed.
#[derive(Clone)]
pub struct Sealer {
    key: Mac,
    sequence: u64,
}

impl Sealer {
    /// The sealer of one direction of a connection.
    pub fn new(secret: &Secret, server: &Nonce, client: &Nonce, direction: Direction) -> Sealer {
        let label: &[u8] = match direction {
            Direction::FromClient => b"client frames",
            Direction::FromServer => b"server frames",
        };
        Sealer { key: keyed(&secret.proof(label, &[server, client])), sequence: 0 }
    }

    fn next(&mut self, content: &[u8]) -> Mac {
        let mut hash = self.key.clone();
        hash.update(&self.sequence.to_be_bytes());
        hash.update(content);
        self.sequence += 1;
        hash
    }

    /// The seal of the next frame.
    pub fn seal(&mut self, content: &[u8]) -> [u8; SEAL_OCTETS] {
        let whole = self.next(content).finalize().into_bytes();
        let mut seal = [0; SEAL_OCTETS];
        seal.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        seal
    }

    /// Whether this is the seal of the next frame.
    pub fn is_good(&mut self, content: &[u8], seal: &[u8; SEAL_OCTETS]) -> bool {
        self.next(content).verify_truncated_left(seal).is_ok()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: Mask = Mask { v4_bits: 24, v6_bits: 64 };
    const SERVER: Nonce = [1; 32];
    const CLIENT: Nonce = [2; 32];

    fn secret(text: &str) -> Secret {
        Secret::new(text).expect("it is long enough")
    }

    #[test]
    fn both_sides_prove_that_they_know_the_secret() {
        let secret = secret("the secret of both");
        assert_eq!(read_server_hello(&server_hello(&SERVER)), Ok(SERVER));
        let hello = client_hello(&secret, &SERVER, &CLIENT, MASK);
        assert_eq!(read_client_hello(&secret, &SERVER, MASK, &hello), Ok(CLIENT));
        let proof = server_proof(&secret, &SERVER, &CLIENT);
        assert_eq!(check_server_proof(&secret, &SERVER, &CLIENT, &proof), Ok(()));
        assert_ne!(proof[..], hello[42..], "a proof cannot be sent back as the other side's");
    }

    #[test]
    fn others_are_sent_away() {
        let (secret, other) = (secret("the secret of both"), secret("another secret of two"));
        let hello = client_hello(&other, &SERVER, &CLIENT, MASK);
        assert_eq!(read_client_hello(&secret, &SERVER, MASK, &hello), Err(Offence::WrongSecret));
        let hello = client_hello(&secret, &SERVER, &CLIENT, MASK);
        assert_eq!(read_client_hello(&secret, &[3; 32], MASK, &hello), Err(Offence::WrongSecret), "an old answer");
        let mask = Mask { v4_bits: 32, ..MASK };
        assert_eq!(read_client_hello(&secret, &SERVER, mask, &hello), Err(Offence::OtherMasks));
        assert_eq!(read_server_hello(&[7; SERVER_HELLO_OCTETS]), Err(Offence::Foreign));
        assert_eq!(read_client_hello(&secret, &SERVER, MASK, &[7; CLIENT_HELLO_OCTETS]), Err(Offence::Foreign));
        let proof = server_proof(&other, &SERVER, &CLIENT);
        assert_eq!(check_server_proof(&secret, &SERVER, &CLIENT, &proof), Err(Offence::WrongSecret));
    }

    #[test]
    fn a_seal_is_good_once_and_in_its_place() {
        let new = |direction| Sealer::new(&secret("the secret of both"), &SERVER, &CLIENT, direction);
        let mut sealer = new(Direction::FromClient);
        let (one, two) = (sealer.seal(b"one"), sealer.seal(b"two"));
        let mut reader = new(Direction::FromClient);
        assert!(reader.is_good(b"one", &one));
        assert!(!reader.clone().is_good(b"one", &one), "not again");
        assert!(!reader.clone().is_good(b"tow", &two));
        assert!(reader.is_good(b"two", &two));
        assert!(!new(Direction::FromServer).is_good(b"one", &one), "not the other way");
    }
}
