//! Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), which IMAP4rev1 clients speak until they enable UTF-8.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const ENGINE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Decodes a name; `None` if it is not modified UTF-7.
pub fn decode(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at_checked(at)?;
        let (encoded, left) = after.get(1..)?.split_once('-')?;
        out.push_str(before);
        if encoded.is_empty() {
            out.push('&');
        } else {
            let octets = ENGINE.decode(encoded).ok()?;
            let units: Vec<u16> = octets
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |sum, octet| sum << 8 | u16::from(*octet)))
                .collect();
            if units.len() * 2 != octets.len() {
                return None;
            }
            out.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = left;
    }
    out.push_str(rest);
    out.is_ascii().then_some(()).or_else(|| name.is_ascii().then_some(()))?;
    Some(out)
}

/// Encodes a name.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut waiting: Vec<u8> = Vec::new();
    let flush = |waiting: &mut Vec<u8>, out: &mut String| {
        if !waiting.is_empty() {
            out.push('&');
            out.push_str(&ENGINE.encode(&*waiting));
            out.push('-');
            waiting.clear();
        }
    };
    for character in name.chars() {
        if (' '..='~').contains(&character) {
            flush(&mut waiting, &mut out);
            out.push(character);
            if character == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            waiting.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut waiting, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_standard_s_examples() {
        assert_eq!(decode("~peter/mail/&U,BTFw-/&ZeVnLIqe-").as_deref(), Some("~peter/mail/台北/日本語"));
        assert_eq!(encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(encode("a&b"), "a&-b");
        assert_eq!(decode("a&b"), None);
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(name in "\\PC{0,30}") {
            prop_assert_eq!(decode(&encode(&name)), Some(name));
        }

        #[test]
        fn decoding_never_panics(name in "[&a-zA-Z0-9,+-]{0,30}") {
            let _ = decode(&name);
        }
    }
}
