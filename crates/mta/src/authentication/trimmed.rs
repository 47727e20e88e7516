//! A message cut to what its check may cost. The library looks at every signature, however many there are, and compares
//! each name that one covers with each other name: what is beyond these bounds is taken away before it sees the message.

use std::borrow::Cow;

use mail_auth::AuthenticatedMessage;
use mail_auth::dkim::Signature;
use message::header;
use message::limits::{FIELD_OCTETS_MAX, FIELDS_MAX};

use crate::authentication::forged;

/// Signatures of one message that are checked; RFC 6376 §6.1 lets verifiers stop somewhere.
pub const SIGNATURES_MAX: usize = 10;
/// Sets of a chain that are checked (RFC 8617 §4.2.1 allows 50).
pub const SETS_MAX: usize = 50;
/// Fields that one signature covers, repeated ones counted. Real signatures stay below forty.
const COVERED_MAX: usize = 100;
/// Octets of the names of a signature's domain and selector together: more are no name (RFC 1035 §2.3.4).
const NAME_OCTETS_MAX: usize = 253;
/// Octets of one field of a signature or a seal. Large keys and many covered fields make two thousand.
const SIGNATURE_OCTETS_MAX: usize = 32 * 1024;
/// Signatures that are parsed, since those that are wrong count among them.
const PARSED_MAX: usize = 3 * SIGNATURES_MAX;

/// The fields that the library takes apart: name, how many, octets of each.
const BOUNDED: [(&str, usize, usize); 7] = [
    ("DKIM-Signature", PARSED_MAX, SIGNATURE_OCTETS_MAX),
    ("DKIM2-Signature", SETS_MAX, SIGNATURE_OCTETS_MAX),
    ("Message-Instance", SETS_MAX, SIGNATURE_OCTETS_MAX),
    ("ARC-Seal", SETS_MAX, SIGNATURE_OCTETS_MAX),
    ("ARC-Message-Signature", SETS_MAX, SIGNATURE_OCTETS_MAX),
    ("ARC-Authentication-Results", SETS_MAX, SIGNATURE_OCTETS_MAX),
    ("From", SIGNATURES_MAX, FIELD_OCTETS_MAX),
];

/// Whether a message has more fields than anybody looks at: what is behind them would be seen by none of our checks, and by
/// every program that reads the message later.
pub fn has_too_many_fields(message: &[u8]) -> bool {
    header::fields(message).count() >= FIELDS_MAX
}

/// A message whose fields are within bounds.
#[derive(Debug)]
pub struct Trimmed<'a> {
    /// The message without what is beyond them; no body hash changes by that.
    pub octets: Cow<'a, [u8]>,
    signatures: usize,
    is_chain_cut: bool,
}

impl<'a> Trimmed<'a> {
    /// The message without what is beyond the bounds; `None` when it has too many fields to be checked at all.
    pub fn new(message: &'a [u8]) -> Option<Trimmed<'a>> {
        if has_too_many_fields(message) {
            return None;
        }
        let mut counts = [0; BOUNDED.len()];
        let (mut signatures, mut is_chain_cut) = (0, false);
        let (octets, _) = forged::cut(message, |field| {
            let bounded = BOUNDED.iter().zip(&mut counts).find(|((name, ..), _)| field.is(name));
            let Some(((name, most, octets_max), count)) = bounded else { return false };
            *count += 1;
            let goes = *count > *most || field.value.len() > *octets_max;
            signatures += usize::from(goes && *name == "DKIM-Signature");
            is_chain_cut |= goes && name.starts_with("ARC-");
            goes
        });
        Some(Trimmed { octets, signatures, is_chain_cut })
    }

    /// The message taken apart, with those signatures that may be verified. May take a moment: the body is hashed.
    pub fn parse(&self) -> Option<Parsed<'_>> {
        let mut message = AuthenticatedMessage::parse(&self.octets)?;
        let before = message.dkim_headers.len();
        message.dkim_headers.retain(|one| is_bounded(&one.header));
        message.dkim_headers.truncate(SIGNATURES_MAX);
        let signatures = self.signatures + before - message.dkim_headers.len();
        let covers = |one: &mail_auth::arc::Signature| one.h.len() <= COVERED_MAX && is_name(&one.d, &one.s);
        let is_chain_bounded = message.ams_headers.iter().all(|one| covers(&one.header))
            && message.as_headers.iter().all(|one| is_name(&one.header.d, &one.header.s));
        Some(Parsed { message, signatures, is_chain_cut: self.is_chain_cut || !is_chain_bounded })
    }
}

/// A message taken apart that may be verified.
pub struct Parsed<'a> {
    /// The message with the signatures that are verified.
    pub message: AuthenticatedMessage<'a>,
    /// Signatures that are not, since that would cost too much.
    pub signatures: usize,
    /// Whether its chain cannot be verified for the same reason.
    pub is_chain_cut: bool,
}

fn is_bounded(signature: &Signature) -> bool {
    signature.h.len() <= COVERED_MAX && is_name(&signature.d, &signature.s)
}

fn is_name(domain: &str, selector: &str) -> bool {
    domain.len() + selector.len() <= NAME_OCTETS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(covered: usize, domain: &str) -> String {
        let names: Vec<String> = (0..covered).map(|at| format!("x{at}")).collect();
        format!("DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s; h=from:{}; bh=YQ==; b=YQ==\r\n", names.join(":"))
    }

    fn signatures_of(message: &str) -> (usize, usize) {
        let trimmed = Trimmed::new(message.as_bytes()).unwrap();
        let parsed = trimmed.parse().unwrap();
        (parsed.message.dkim_headers.len(), parsed.signatures)
    }

    #[test]
    fn signatures_that_would_cost_too_much_are_not_verified() {
        let rest = "From: a@b.test\r\n\r\nhello\r\n";
        assert_eq!(signatures_of(&format!("{}{rest}", signature(20, "b.test"))), (1, 0));
        assert_eq!(signatures_of(&format!("{}{rest}", signature(101, "b.test"))), (0, 1));
        assert_eq!(signatures_of(&format!("{}{rest}", signature(100_000, "b.test"))), (0, 1));
        assert_eq!(signatures_of(&format!("{}{rest}", signature(1, &"b".repeat(300)))), (0, 1));
        assert_eq!(signatures_of(&format!("{}{rest}", signature(1, "b.test").repeat(200))), (10, 190));
    }

    #[test]
    fn a_chain_that_would_cost_too_much_is_cut() {
        let set =
            format!("ARC-Message-Signature: i=1; {}", signature(101, "b.test").replace("DKIM-Signature: v=1;", ""));
        for set in [set, format!("ARC-Seal: {}\r\n", "x".repeat(40_000)), "ARC-Seal: i=1\r\n".repeat(51)] {
            let message = format!("{set}From: a@b.test\r\n\r\nhello\r\n");
            assert!(Trimmed::new(message.as_bytes()).unwrap().parse().unwrap().is_chain_cut);
        }
    }

    #[test]
    fn too_many_fields_are_not_looked_at() {
        assert!(Trimmed::new(&b"X: y\r\n".repeat(FIELDS_MAX - 1)).is_some());
        assert!(Trimmed::new(&b"X: y\r\n".repeat(FIELDS_MAX)).is_none());
    }
}
