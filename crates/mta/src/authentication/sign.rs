//! Signatures on mail of ours (RFC 6376), and seals on mail that we pass on (RFC 8617). Both are made at the very last, when
//! nothing of the message changes any more.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::SigningKey;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::Canonicalization;
use message::edit::Prefix;

use crate::authentication::keys::Key;
use crate::authentication::results::{Results, Verdict};

/// Sets of a chain beyond which we add none (RFC 8617 §4.2.1).
const SETS_MAX: u32 = 50;

/// Authors of one message that is signed.
const AUTHORS_MAX: usize = 10;

/// The fields that a seal covers.
const SEALED_FIELDS: [&str; 14] = [
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-id",
    "dkim-signature",
];

/// The DKIM-Signature fields of a message by these keys, to be put on top of it.
///
/// # Errors
/// What the cryptography says.
pub fn sign<'a>(keys: impl IntoIterator<Item = &'a Key>, message: &[u8]) -> Result<Vec<u8>, String> {
    let mut fields = Vec::new();
    for key in keys {
        let signature = key.signer.sign(message).map_err(|error| error.to_string())?;
        fields.extend_from_slice(signature.to_header().as_bytes());
    }
    Ok(fields)
}

/// The addresses of the message's authors, as they came; none when there are several From fields, of which programs show
/// one or the other, or very many authors.
pub fn authors(message: &[u8]) -> Vec<String> {
    let mut fields = message::header::fields(message).filter(|field| field.is("From"));
    let (Some(field), None) = (fields.next(), fields.next()) else { return Vec::new() };
    let entries = message::address::parse(field.value);
    let addresses: Vec<String> =
        message::address::mailboxes(&entries).take(AUTHORS_MAX + 1).map(|mailbox| mailbox.address()).collect();
    if addresses.len() > AUTHORS_MAX { Vec::new() } else { addresses }
}

/// The domain of the message's one author, in lower case.
pub fn author_domain(message: &[u8]) -> Option<String> {
    let authors = authors(message);
    let domain = authors.first()?.rsplit_once('@')?.1.to_ascii_lowercase();
    authors.iter().all(|other| other.to_ascii_lowercase().ends_with(&format!("@{domain}"))).then_some(domain)
}

/// The three fields of an ARC set that seals a message with what we found out about it; `None` where a chain is broken
/// already, or too long (RFC 8617 §5.1). The message must be whole, with all other fields on top.
///
/// # Errors
/// What the cryptography says.
pub fn seal(
    key: &Key,
    service: &str,
    results: &Results,
    message: &[u8],
    now_secs: u64,
) -> Result<Option<Vec<u8>>, String> {
    if !matches!(results.arc.verdict, Verdict::None | Verdict::Pass) || results.arc.sets >= SETS_MAX {
        return Ok(None);
    }
    let Some(parsed) = AuthenticatedMessage::parse(message) else { return Ok(None) };
    let instance = results.arc.sets + 1;
    let chain = if instance == 1 { "none" } else { "pass" };
    let (domain, selector) = (&key.kept.domain, &key.kept.selector);
    let algorithm = key.plain.algorithm().name();
    let found = one_line(&format!("i={instance}; {service}; {}", results.text()));

    let hash = key.plain.hash(Canonicalization::Relaxed.canonical_body(parsed.raw_body(), u64::MAX));
    let (names, covered) = covered_fields(&parsed);
    let body_hash = STANDARD.encode(hash.as_ref());
    let unsigned = one_line(&format!(
        "i={instance}; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector}; t={now_secs}; h={}; bh={body_hash}; b=",
        names.join(":")
    ));
    let mut input = Vec::new();
    let itself = [(&b"ARC-Message-Signature"[..], unsigned.as_bytes())];
    Canonicalization::Relaxed.canonicalize_headers(covered.into_iter().chain(itself), &mut input);
    let signed = with_signature(key, &unsigned, &input)?;

    let unsealed =
        one_line(&format!("i={instance}; a={algorithm}; cv={chain}; d={domain}; s={selector}; t={now_secs}; b="));
    let mut input = Vec::new();
    let before = parsed.aar_headers.iter().zip(&parsed.ams_headers).zip(&parsed.as_headers);
    let before = before.flat_map(|((results, signature), seal)| {
        [(results.name, results.value), (signature.name, signature.value), (seal.name, seal.value)]
    });
    let own = [
        (&b"ARC-Authentication-Results"[..], found.as_bytes()),
        (&b"ARC-Message-Signature"[..], signed.as_bytes()),
        (&b"ARC-Seal"[..], unsealed.as_bytes()),
    ];
    Canonicalization::Relaxed.canonicalize_headers(before.chain(own), &mut input);
    let sealed = with_signature(key, &unsealed, &input)?;
    let set = format!("ARC-Seal:{sealed}ARC-Message-Signature:{signed}ARC-Authentication-Results:{found}");
    Ok(Some(set.into_bytes()))
}

/// A value that is folded where it may be, with its line end; relaxed canonicalization sees none of it.
fn one_line(value: &str) -> String {
    let mut prefix = Prefix::new();
    prefix.field("X", value);
    let folded = String::from_utf8_lossy(prefix.octets()).into_owned();
    folded.strip_prefix("X:").map_or_else(String::new, str::to_owned)
}

/// The value with the signature over `input` put in; the last line end of `input` does not count (RFC 6376 §3.7).
fn with_signature(key: &Key, value: &str, input: &[u8]) -> Result<String, String> {
    let input = input.strip_suffix(b"\r\n").unwrap_or(input);
    let signature = key.plain.sign(input).map_err(|error| error.to_string())?;
    let encoded = STANDARD.encode(signature);
    let mut text = value.trim_end().to_owned();
    for piece in encoded.as_bytes().chunks(70) {
        text.push_str("\r\n ");
        text.extend(piece.iter().map(|octet| char::from(*octet)));
    }
    text.push_str("\r\n");
    Ok(text)
}

type NameAndValue<'a> = (&'a [u8], &'a [u8]);

/// The fields of the message that a seal covers, each from the last to the first (RFC 6376 §5.4.2), with their names.
fn covered_fields<'a>(message: &AuthenticatedMessage<'a>) -> (Vec<&'static str>, Vec<NameAndValue<'a>>) {
    let (mut names, mut fields) = (Vec::new(), Vec::new());
    for name in SEALED_FIELDS {
        for field in message.headers.iter().rev().filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes())) {
            names.push(name);
            fields.push(*field);
        }
    }
    (names, fields)
}
