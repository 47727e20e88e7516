//! Text in any charset to UTF-8, by the labels of the WHATWG encoding standard and the names mail adds to them.

use encoding_rs::{CoderResult, Encoding, UTF_8, WINDOWS_1252};
use std::borrow::Cow;

/// Names found in mail that the encoding standard does not list.
const ALIASES: [(&str, &str); 10] = [
    ("cp932", "shift_jis"),
    ("ms932", "shift_jis"),
    ("cp936", "gbk"),
    ("cp949", "euc-kr"),
    ("ks_c_5601", "euc-kr"),
    ("cp950", "big5"),
    ("latin-1", "iso-8859-1"),
    ("latin_1", "iso-8859-1"),
    ("iso8859_1", "iso-8859-1"),
    ("cp-1252", "windows-1252"),
];

/// Whether texts in this charset can be decoded.
pub fn is_known(name: &str) -> bool {
    is_ascii(name) || named(name).is_some()
}

/// Decodes. An unknown charset is read as UTF-8 if the octets are valid UTF-8, and as windows-1252 if not; what has no
/// meaning becomes U+FFFD.
pub fn decode<'a>(name: &str, octets: &'a [u8]) -> Cow<'a, str> {
    match named(name) {
        Some(encoding) => encoding.decode(octets).0,
        None => guess(octets),
    }
}

/// Text whose charset nobody named: UTF-8 if it is valid, otherwise windows-1252.
pub fn guess(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}

/// Encodes; `None` if the charset is not known, or has no octets for one of the characters. US-ASCII is taken at its word.
pub fn encode(name: &str, text: &str) -> Option<Vec<u8>> {
    if text.is_ascii() && is_ascii_compatible(name) {
        return Some(text.as_bytes().to_vec());
    }
    let encoding = named(name)?;
    // The octets of UTF-16 cannot be made here, and such a part can become UTF-8 instead.
    if encoding.output_encoding() != encoding {
        return None;
    }
    let (octets, _, is_lossy) = encoding.encode(text);
    // The encoding standard reads these names as the windows charsets, which have letters where the names mean controls.
    let has_controls = is_iso(name) && octets.iter().any(|octet| (0x80..0xa0).contains(octet));
    (!is_lossy && !has_controls).then(|| octets.into_owned())
}

/// Decodes; `None` if the charset is not known or the octets are no text in it.
pub fn decode_exactly<'a>(name: &str, octets: &'a [u8]) -> Option<Cow<'a, str>> {
    match named(name) {
        Some(encoding) => encoding.decode_without_bom_handling_and_without_replacement(octets),
        None if is_ascii(name) && octets.is_ascii() => Some(guess(octets)),
        None => None,
    }
}

/// Whether ASCII text has the same octets in it. Of unknown charsets only those are doubted whose names say otherwise.
pub fn is_ascii_compatible(name: &str) -> bool {
    match named(name) {
        Some(encoding) => encoding.is_ascii_compatible() || encoding == encoding_rs::ISO_2022_JP,
        None => {
            let name = name.to_ascii_lowercase();
            is_ascii(&name)
                || !["utf-7", "utf7", "utf-16", "utf-32", "ucs", "ebcdic", "hz-gb"].iter().any(|odd| name.contains(odd))
        }
    }
}

fn is_iso(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    ["iso-8859", "iso8859", "iso_8859", "latin", "l1", "l5", "tis-620"].iter().any(|known| name.starts_with(known))
}

/// Decodes piece by piece.
pub struct Decoder {
    /// `None` until the first piece has shown what it is.
    inner: Option<encoding_rs::Decoder>,
}

impl Decoder {
    /// A decoder for that charset; when it is absent, unknown or US-ASCII, the first piece decides between UTF-8 and
    /// windows-1252.
    pub fn new(name: Option<&str>) -> Decoder {
        Decoder { inner: name.and_then(named).map(Encoding::new_decoder) }
    }

    /// Appends the text of the next piece; `last` tells that no more will come.
    pub fn push(&mut self, octets: &[u8], last: bool, output: &mut String) {
        let inner = self.inner.get_or_insert_with(|| first_guess(octets).new_decoder_without_bom_handling());
        let mut rest = octets;
        loop {
            let room = inner.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len());
            output.reserve(room);
            let (result, read, _) = inner.decode_to_string(rest, output, last);
            rest = rest.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }
}

fn first_guess(octets: &[u8]) -> &'static Encoding {
    match std::str::from_utf8(octets) {
        // A character that the piece cuts in two is no error.
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    }
}

/// US-ASCII is taken for "unknown": what claims it and has octets beyond it is most often UTF-8.
fn named(name: &str) -> Option<&'static Encoding> {
    let name = name.trim();
    if is_ascii(name) {
        return None;
    }
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, label)| label);
    Encoding::for_label_no_replacement(alias.as_bytes())
}

fn is_ascii(name: &str) -> bool {
    name.eq_ignore_ascii_case("us-ascii") || name.eq_ignore_ascii_case("ascii")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_unknown_ones_are_guessed() {
        assert_eq!(decode("ISO-8859-15", b"\xa4"), "€");
        assert_eq!(decode("cp932", b"\x82\xa0"), "あ");
        assert_eq!(decode("x-unknown", "é".as_bytes()), "é");
        assert_eq!(decode("x-unknown", b"\xe9"), "é");
        assert_eq!(decode("us-ascii", "é".as_bytes()), "é");
        assert!(is_known("US-ASCII") && is_known("koi8-r") && !is_known("utf-7"));
    }

    #[test]
    fn what_a_charset_cannot_hold_is_not_written() {
        assert_eq!(encode("iso-8859-1", "Grüße"), Some(b"Gr\xfc\xdfe".to_vec()));
        assert_eq!(encode("iso-8859-1", "5 €"), None);
        assert_eq!(encode("windows-1252", "5 €"), Some(b"5 \x80".to_vec()));
        assert_eq!(encode("us-ascii", "é"), None);
        assert_eq!(encode("utf-16", "x"), None);
        assert_eq!(encode("x-unknown", "x"), Some(b"x".to_vec()));
        assert_eq!(encode("utf-7", "x"), None);
        assert_eq!(decode_exactly("utf-8", b"\xff"), None);
        assert_eq!(decode_exactly("us-ascii", b"\xe9"), None);
    }

    #[test]
    fn pieces_may_cut_a_character_in_two() {
        for name in [Some("utf-8"), None] {
            let mut decoder = Decoder::new(name);
            let mut text = String::new();
            decoder.push(b"caf\xc3", false, &mut text);
            decoder.push(b"\xa9", true, &mut text);
            assert_eq!(text, "café");
        }
    }
}
