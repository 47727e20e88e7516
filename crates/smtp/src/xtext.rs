//! xtext: text in parameters, with `+XX` for what may not stand there (RFC 3461 §4).

/// Decodes xtext to text; `None` when it is not xtext or not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'+' => octets.push(hex(rest.next()?)? * 16 + hex(rest.next()?)?),
            b'=' => return None,
            33..=126 => octets.push(octet),
            _ => return None,
        }
    }
    String::from_utf8(octets).ok()
}

/// Upper-case hexadecimal digits only, as the grammar has it.
fn hex(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

/// Encodes text as xtext.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if (33..=126).contains(&octet) && octet != b'+' && octet != b'=' {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("+{octet:02X}"));
        }
    }
    out
}

/// Decodes `utf-8-addr-unitext` and `utf-8-addr-xtext`: characters as they are or as `\x{HEX}` (RFC 6533 §3).
pub fn decode_utf8_address(text: &str) -> Option<String> {
    let text = if text.contains('+') { decode(text)? } else { text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\\x{") {
        let (before, escape) = rest.split_at(at);
        let (digits, after) = escape.get(3..)?.split_once('}')?;
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| (2..=6).contains(&digits.len()))?;
        out.push_str(before);
        out.push(char::from_u32(value)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_escapes() {
        assert_eq!(decode("a+2Bb+3Dc").as_deref(), Some("a+b=c"));
        assert_eq!(decode("a+2bb"), None, "lower-case digits are not in the grammar");
        assert_eq!(decode("a=b"), None);
        assert_eq!(decode("a+2"), None);
        assert_eq!(decode_utf8_address("r\\x{E9}sum\\x{E9}@x.test").as_deref(), Some("résumé@x.test"));
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in "\\PC{0,60}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }

        #[test]
        fn decoding_never_panics(text in "\\PC{0,60}") {
            let _ = (decode(&text), decode_utf8_address(&text));
        }
    }
}
