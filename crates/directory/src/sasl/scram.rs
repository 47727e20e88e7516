//! SCRAM (RFC 5802, RFC 7677): both sides of the exchange, with channel binding.

use crate::limits::SASL_OCTETS_MAX;
use crate::octets::Octets;
use crate::sasl::ChannelBindings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

/// The hash of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SCRAM-SHA-1
    Sha1,
    /// SCRAM-SHA-256
    Sha256,
}

impl Hash {
    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
            // HMAC takes keys of every length, so there is no error to hand on.
            let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Hash::Sha1 => run::<Hmac<Sha1>>(key, parts),
            Hash::Sha256 => run::<Hmac<Sha256>>(key, parts),
        }
    }

    fn digest(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => Sha1::digest(octets).to_vec(),
            Hash::Sha256 => Sha256::digest(octets).to_vec(),
        }
    }

    fn salted(self, password: &str, salt: &[u8], rounds: u32) -> Vec<u8> {
        let password = prepare(password);
        match self {
            Hash::Sha1 => {
                let mut out = vec![0; 20];
                pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt, rounds, &mut out);
                out
            }
            Hash::Sha256 => {
                let mut out = vec![0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut out);
                out
            }
        }
    }
}

/// A password as it is hashed: compatibility characters composed, odd blanks made plain (the part of RFC 4013 that
/// matters in practice; unassigned and bidirectional text is taken as it is).
pub fn prepare(password: &str) -> String {
    password.chars().map(|character| if character.is_whitespace() { ' ' } else { character }).nfkc().collect()
}

/// What a server keeps of a password (RFC 5802 §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    /// The salt.
    pub salt: Octets,
    /// The iteration count.
    pub rounds: u32,
    /// `StoredKey`
    pub stored_key: Octets,
    /// `ServerKey`
    pub server_key: Octets,
}

impl Verifier {
    /// Makes the verifier of a password.
    pub fn new(hash: Hash, password: &str, salt: &[u8], rounds: u32) -> Verifier {
        let salted = hash.salted(password, salt, rounds);
        Verifier {
            salt: Octets(salt.to_vec()),
            rounds,
            stored_key: Octets(hash.digest(&hash.hmac(&salted, &[b"Client Key"]))),
            server_key: Octets(hash.hmac(&salted, &[b"Server Key"])),
        }
    }

    /// A verifier that nothing fits, for a name that does not exist: salt and rounds look like those of one that does,
    /// and are the same each time (RFC 5802 §7 warns of telling them apart).
    pub fn fake(hash: Hash, secret: &[u8], name: &str, rounds: u32) -> Verifier {
        let derive = |label: &str| hash.hmac(secret, &[label.as_bytes(), name.as_bytes()]);
        let mut salt = derive("salt");
        salt.truncate(16);
        Verifier {
            salt: Octets(salt),
            rounds,
            stored_key: Octets(derive("stored")),
            server_key: Octets(derive("server")),
        }
    }
}

/// Why an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The message does not follow the grammar.
    #[error("the message does not follow the mechanism")]
    Malformed,
    /// The channel binding is not that of this connection, or of a type that is not offered.
    #[error("the channel binding does not fit this connection")]
    ChannelBinding,
    /// The proof is wrong.
    #[error("the proof is wrong")]
    Proof,
}

/// What a server has read of a client's first message.
#[derive(Clone, Debug)]
pub struct ClientFirst {
    /// Who the client says it is.
    pub name: String,
    /// For whom it wants to act; empty for itself.
    pub authorization: String,
    gs2_header: String,
    bare: String,
    nonce: String,
    binding: Binding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Binding {
    /// `n`: the client knows of none.
    None,
    /// `y`: the client would, but thinks that the server does not.
    NotOffered,
    /// `p=name`
    Named(String),
}

/// Reads the client's first message (RFC 5802 §7). `plus` says that the mechanism's name ends in `-PLUS`, `offered` that
/// such a mechanism was offered on this connection.
pub fn client_first(message: &[u8], plus: bool, offered: bool) -> Result<ClientFirst, Failure> {
    let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed)?;
    if text.len() > SASL_OCTETS_MAX {
        return Err(Failure::Malformed);
    }
    let (flag, rest) = text.split_once(',').ok_or(Failure::Malformed)?;
    let (authorization, bare) = rest.split_once(',').ok_or(Failure::Malformed)?;
    let binding = match flag {
        "n" => Binding::None,
        "y" => Binding::NotOffered,
        _ => Binding::Named(flag.strip_prefix("p=").ok_or(Failure::Malformed)?.to_owned()),
    };
    match (&binding, plus) {
        (Binding::Named(_), true) | (Binding::None, false) => {}
        // Somebody has taken the offer away on its way (RFC 5802 §6).
        (Binding::NotOffered, false) if offered => return Err(Failure::ChannelBinding),
        (Binding::NotOffered, false) => {}
        _ => return Err(Failure::ChannelBinding),
    }
    let authorization = match authorization.strip_prefix("a=") {
        Some(name) => unescape(name)?,
        None if authorization.is_empty() => String::new(),
        None => return Err(Failure::Malformed),
    };
    let mut fields = bare.split(',');
    let name = unescape(fields.next().and_then(|field| field.strip_prefix("n=")).ok_or(Failure::Malformed)?)?;
    let nonce = fields.next().and_then(|field| field.strip_prefix("r=")).ok_or(Failure::Malformed)?;
    if name.is_empty() || nonce.is_empty() || !nonce.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(Failure::Malformed);
    }
    let header_length = text.len() - bare.len();
    Ok(ClientFirst {
        name,
        authorization,
        gs2_header: text.get(..header_length).unwrap_or_default().to_owned(),
        bare: bare.to_owned(),
        nonce: nonce.to_owned(),
        binding,
    })
}

fn unescape(name: &str) -> Result<String, Failure> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('=') {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push(match rest.get(at..at + 3) {
            Some("=2C") => ',',
            Some("=3D") => '=',
            _ => return Err(Failure::Malformed),
        });
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// A server that has sent its challenge.
#[derive(Debug)]
pub struct Server {
    hash: Hash,
    first: ClientFirst,
    verifier: Verifier,
    challenge: String,
    nonce: String,
}

impl Server {
    /// Goes on with the verifier of the name that the client gave. `nonce` is 18 or more random octets in base64.
    pub fn new(hash: Hash, first: ClientFirst, verifier: Verifier, nonce: &str) -> Server {
        let nonce = format!("{}{nonce}", first.nonce);
        let challenge = format!("r={nonce},s={},i={}", STANDARD.encode(&verifier.salt.0), verifier.rounds);
        Server { hash, first, verifier, challenge, nonce }
    }

    /// The server's first message.
    pub fn challenge(&self) -> &[u8] {
        self.challenge.as_bytes()
    }

    /// Checks the client's final message; the answer proves the server to the client.
    pub fn finish(&self, message: &[u8], bindings: &ChannelBindings) -> Result<Vec<u8>, Failure> {
        let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(Failure::Malformed)?;
        let proof = STANDARD.decode(proof).map_err(|_| Failure::Malformed)?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|field| field.strip_prefix("c=")).ok_or(Failure::Malformed)?;
        let nonce = fields.next().and_then(|field| field.strip_prefix("r=")).ok_or(Failure::Malformed)?;
        if nonce != self.nonce {
            return Err(Failure::Malformed);
        }
        let mut expected = self.first.gs2_header.clone().into_bytes();
        if let Binding::Named(name) = &self.first.binding {
            expected.extend_from_slice(bindings.get(name).ok_or(Failure::ChannelBinding)?);
        }
        if STANDARD.decode(binding).map_err(|_| Failure::Malformed)? != expected {
            return Err(Failure::ChannelBinding);
        }
        let said = [self.first.bare.as_bytes(), b",", self.challenge.as_bytes(), b",", without_proof.as_bytes()];
        let signature = self.hash.hmac(&self.verifier.stored_key.0, &said);
        if proof.len() != signature.len() {
            return Err(Failure::Proof);
        }
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(left, right)| left ^ right).collect();
        if !bool::from(self.hash.digest(&client_key).ct_eq(&self.verifier.stored_key.0)) {
            return Err(Failure::Proof);
        }
        let signature = self.hash.hmac(&self.verifier.server_key.0, &said);
        Ok(format!("v={}", STANDARD.encode(signature)).into_bytes())
    }
}

/// The client's side.
#[derive(Debug)]
pub struct Client {
    hash: Hash,
    password: String,
    bare: String,
    gs2: Vec<u8>,
    nonce: String,
    server_signature: Option<Vec<u8>>,
}

impl Client {
    /// Begins an exchange without channel binding. `nonce` is 18 or more random octets in base64.
    pub fn new(hash: Hash, name: &str, password: &str, nonce: &str) -> Client {
        Client::with_binding(hash, name, password, nonce, None)
    }

    /// Begins an exchange bound to the connection by a binding of this name and data.
    pub fn with_binding(hash: Hash, name: &str, password: &str, nonce: &str, binding: Option<(&str, &[u8])>) -> Client {
        let header = binding.map_or_else(|| "n,,".to_owned(), |(name, _)| format!("p={name},,"));
        let mut gs2 = header.into_bytes();
        let escaped = name.replace('=', "=3D").replace(',', "=2C");
        gs2.extend_from_slice(binding.map_or(&[][..], |(_, data)| data));
        Client {
            hash,
            password: password.to_owned(),
            bare: format!("n={escaped},r={nonce}"),
            gs2,
            nonce: nonce.to_owned(),
            server_signature: None,
        }
    }

    /// The client's first message.
    pub fn first(&self) -> Vec<u8> {
        let header_end = self.gs2.windows(2).position(|pair| pair == b",,").map_or(0, |at| at + 2);
        [self.gs2.get(..header_end).unwrap_or_default(), self.bare.as_bytes()].concat()
    }

    /// The client's final message, an answer to the server's first.
    pub fn finish(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Failure> {
        let text = std::str::from_utf8(challenge).map_err(|_| Failure::Malformed)?;
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name)).ok_or(Failure::Malformed);
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        let salt = STANDARD.decode(salt).map_err(|_| Failure::Malformed)?;
        let rounds: u32 =
            rounds.parse().ok().filter(|rounds| (1..=1_000_000).contains(rounds)).ok_or(Failure::Malformed)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(Failure::Malformed);
        }
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(&self.gs2));
        let salted = self.hash.salted(&self.password, &salt, rounds);
        let client_key = self.hash.hmac(&salted, &[b"Client Key"]);
        let said = [self.bare.as_bytes(), b",", challenge, b",", without_proof.as_bytes()];
        let signature = self.hash.hmac(&self.hash.digest(&client_key), &said);
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(left, right)| left ^ right).collect();
        self.server_signature = Some(self.hash.hmac(&self.hash.hmac(&salted, &[b"Server Key"]), &said));
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes())
    }

    /// Whether the server has proved that it knows the password too.
    pub fn verify(&self, last: &[u8]) -> Result<(), Failure> {
        let text = std::str::from_utf8(last).map_err(|_| Failure::Malformed)?;
        let value = text.split(',').next().and_then(|field| field.strip_prefix("v=")).ok_or(Failure::Proof)?;
        let signature = STANDARD.decode(value).map_err(|_| Failure::Malformed)?;
        let expected = self.server_signature.as_ref().ok_or(Failure::Malformed)?;
        if bool::from(signature.ct_eq(expected)) { Ok(()) } else { Err(Failure::Proof) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The exchange of RFC 5802 §5 and of RFC 7677 §3: every message is the one printed there.
    fn known(hash: Hash, [nonce, server_nonce, salt, first, final_, last]: [&str; 6]) {
        let salt = STANDARD.decode(salt).unwrap();
        let verifier = Verifier::new(hash, "pencil", &salt, 4096);
        let mut client = Client::new(hash, "user", "pencil", nonce);
        assert_eq!(client.first(), format!("n,,n=user,r={nonce}").as_bytes());
        let server = Server::new(hash, client_first(&client.first(), false, false).unwrap(), verifier, server_nonce);
        assert_eq!(server.challenge(), first.as_bytes());
        let answer = client.finish(server.challenge()).unwrap();
        assert_eq!(String::from_utf8(answer.clone()).unwrap(), final_);
        let proof = server.finish(&answer, &ChannelBindings::default()).unwrap();
        assert_eq!(String::from_utf8(proof.clone()).unwrap(), last);
        client.verify(&proof).unwrap();
        assert_eq!(client.verify(b"v=AAAA"), Err(Failure::Proof));
    }

    #[test]
    fn the_example_of_scram_sha_1() {
        known(
            Hash::Sha1,
            [
                "fyko+d2lbbFgONRv9qkxdawL",
                "3rfcNHYJY1ZVvWVs7j",
                "QSXCR+Q6sek8bf92",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ],
        );
    }

    #[test]
    fn the_example_of_scram_sha_256() {
        known(
            Hash::Sha256,
            [
                "rOprNGfwEbeRWgbNEkqO",
                "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                "W22ZaJ0SNY7soEsUEjb6gQ==",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ],
        );
    }

    fn bound(bindings: &ChannelBindings, client_data: &[u8]) -> Result<Vec<u8>, Failure> {
        let verifier = Verifier::new(Hash::Sha256, "pencil", b"salt", 10);
        let mut client =
            Client::with_binding(Hash::Sha256, "u,=", "pencil", "abc", Some(("tls-exporter", client_data)));
        let first = client_first(&client.first(), true, true)?;
        assert_eq!(first.name, "u,=");
        let server = Server::new(Hash::Sha256, first, verifier, "def");
        let answer = client.finish(server.challenge())?;
        server.finish(&answer, bindings)
    }

    #[test]
    fn channel_bindings_tie_the_exchange_to_the_connection() {
        let bindings = ChannelBindings { exporter: Some(b"this".to_vec()), server_end_point: None };
        assert!(bound(&bindings, b"this").is_ok());
        assert_eq!(bound(&bindings, b"that"), Err(Failure::ChannelBinding));
        assert_eq!(bound(&ChannelBindings::default(), b"this"), Err(Failure::ChannelBinding));
        // A downgrade is noticed; a binding without -PLUS and the other way round are refused.
        assert_eq!(client_first(b"y,,n=u,r=x", false, true).unwrap_err(), Failure::ChannelBinding);
        assert_eq!(client_first(b"n,,n=u,r=x", true, true).unwrap_err(), Failure::ChannelBinding);
        assert_eq!(client_first(b"p=tls-exporter,,n=u,r=x", false, true).unwrap_err(), Failure::ChannelBinding);
    }

    #[test]
    fn a_wrong_password_is_a_wrong_proof() {
        let verifier = Verifier::new(Hash::Sha1, "pencil", b"salt", 10);
        let mut client = Client::new(Hash::Sha1, "u", "pencils", "abc");
        let server = Server::new(Hash::Sha1, client_first(&client.first(), false, false).unwrap(), verifier, "def");
        let answer = client.finish(server.challenge()).unwrap();
        assert_eq!(server.finish(&answer, &ChannelBindings::default()), Err(Failure::Proof));
    }

    proptest! {
        #[test]
        fn no_message_makes_either_side_panic(message in "\\PC{0,60}", letters in "[nyp],,n=[a=,r]{0,9},[a-z=,]{0,9}") {
            crate::fuzz::fuzz_sasl(message.as_bytes());
            crate::fuzz::fuzz_sasl(letters.as_bytes());
        }
    }
}
