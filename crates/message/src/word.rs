//! Encoded words in header fields (RFC 2047, with the language of RFC 2231 §5), both ways.

use crate::charset;
use crate::transfer::{self, Encoding};
use memchr::memmem;
use std::borrow::Cow;

/// How many octets of UTF-8 fit into one encoded word in base64: `=?utf-8?B??=` and 60 characters are 72 of the 75
/// that are allowed (RFC 2047 §2).
const WORD_OCTETS_MAX: usize = 45;
const CHARSET_OCTETS_MAX: usize = 64;
/// Longer than any program writes, and short enough to look for the end again and again.
const ENCODED_OCTETS_MAX: usize = 8 * 1024;

/// Decodes all encoded words of an unfolded value; white space between two of them disappears (RFC 2047 §6.2). A
/// character cut in two by neighbouring words of one charset is put together again.
pub fn decode(value: &str) -> Cow<'_, str> {
    if memmem::find(value.as_bytes(), b"=?").is_none() {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut pending: Option<Word<'_>> = None;
    let mut rest = value;
    while let Some(at) = rest.find("=?") {
        let (before, candidate) = rest.split_at(at);
        let Some((word, after)) = Word::read(candidate) else {
            finish(&mut pending, &mut text);
            text.push_str(before);
            text.push_str("=?");
            rest = candidate.get(2..).unwrap_or_default();
            continue;
        };
        match &mut pending {
            Some(last) if is_blank(before) && last.charset.eq_ignore_ascii_case(word.charset) => {
                last.octets.extend_from_slice(&word.octets);
            }
            _ => {
                let joins = pending.is_some() && is_blank(before);
                finish(&mut pending, &mut text);
                if !joins {
                    text.push_str(before);
                }
                pending = Some(word);
            }
        }
        rest = after;
    }
    finish(&mut pending, &mut text);
    text.push_str(rest);
    Cow::Owned(text)
}

/// Text for a field's value: as it is if it is plain ASCII, otherwise as encoded words in UTF-8 of at most 75
/// characters each, separated by a space (RFC 2047 §2).
pub fn encode(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|octet| (b' '..0x7f).contains(&octet)) && !text.contains("=?");
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut output = String::with_capacity(text.len() * 2);
    let mut chunk = String::new();
    for character in text.chars() {
        if chunk.len() + character.len_utf8() > WORD_OCTETS_MAX {
            push_word(&chunk, &mut output);
            chunk.clear();
        }
        chunk.push(character);
    }
    push_word(&chunk, &mut output);
    Cow::Owned(output)
}

struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
}

impl<'a> Word<'a> {
    /// `encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="`; spaces in the text are borne.
    fn read(text: &'a str) -> Option<(Word<'a>, &'a str)> {
        let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
        let (encoding, rest) = rest.split_once('?')?;
        let end = rest.get(..rest.floor_char_boundary(ENCODED_OCTETS_MAX))?.find("?=")?;
        let (encoded, after) = (rest.get(..end)?, rest.get(end + 2..)?);
        let is_token = |text: &str| text.bytes().all(|octet| octet.is_ascii_graphic());
        if charset.is_empty() || charset.len() > CHARSET_OCTETS_MAX || !is_token(charset) {
            return None;
        }
        let octets = match encoding {
            "B" | "b" => transfer::decode(Encoding::Base64, encoded.as_bytes()),
            "Q" | "q" => decode_q(encoded.as_bytes()),
            _ => return None,
        };
        let charset = charset.split('*').next().unwrap_or(charset);
        Some((Word { charset, octets }, after))
    }
}

/// The "Q" encoding (RFC 2047 §4.2): `_` is a space; a broken escape stands for itself.
fn decode_q(encoded: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    loop {
        rest = match rest {
            [] => return octets,
            [b'=', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                octets.push(transfer::hex(*high) << 4 | transfer::hex(*low));
                after
            }
            [b'_', after @ ..] => {
                octets.push(b' ');
                after
            }
            [other, after @ ..] => {
                octets.push(*other);
                after
            }
        };
    }
}

fn finish(pending: &mut Option<Word<'_>>, text: &mut String) {
    if let Some(word) = pending.take() {
        // Line ends and NUL have no place in a field, whoever encoded them.
        let decoded = charset::decode(word.charset, &word.octets);
        text.extend(decoded.chars().filter(|c| *c != '\0').map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }));
    }
}

fn push_word(chunk: &str, output: &mut String) {
    if chunk.is_empty() {
        return;
    }
    if !output.is_empty() {
        output.push(' ');
    }
    output.push_str("=?utf-8?B?");
    output.push_str(&transfer::base64(chunk.as_bytes()));
    output.push_str("?=");
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|octet| octet == b' ' || octet == b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_standard() {
        // RFC 2047 §8.
        for (encoded, text) in [
            ("(=?ISO-8859-1?Q?a?=)", "(a)"),
            ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
            ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
            ("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
            ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        ] {
            assert_eq!(decode(encoded), text, "{encoded}");
        }
    }

    #[test]
    fn a_character_cut_in_two_is_joined() {
        assert_eq!(decode("=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9?="), "café");
    }

    #[test]
    fn what_is_no_encoded_word_stays() {
        for text in ["=?", "=?a?=", "=?utf-8?X?abc?=", "a =? b ?= c", "=?utf-8?Q?abc", "=? x?Q?a?="] {
            assert_eq!(decode(text), text);
        }
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(text in "[^\\x00\\r\\n\\x{feff}]{0,200}") {
            let encoded = encode(&text);
            prop_assert_eq!(decode(&encoded), text.as_str());
        }

        #[test]
        fn words_are_short_and_ascii(text in "\\PC{0,200}é") {
            let encoded = encode(&text);
            prop_assert!(encoded.split(' ').all(|word| word.len() <= 75 && word.is_ascii()));
        }
    }
}
