//! What a part holds, its transfer encoding and charset undone.

use crate::charset;
use crate::structure::Part;
use crate::transfer::{self, Decoder, Encoding};
use std::borrow::Cow;

/// How many octets of a body are decoded at a time when the whole is not wanted.
const PIECE_OCTETS: usize = 16 * 1024;

/// Why the content of a part cannot be had (RFC 9051 §7.1 `UNKNOWN-CTE`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content transfer encoding {name:?} is not known")]
pub struct UnknownEncoding {
    /// The encoding's name.
    pub name: String,
}

/// The part's octets with the transfer encoding undone: what BINARY[n] returns (RFC 3516 §4.2, RFC 9051 §6.4.5).
pub fn octets<'a>(message: &'a [u8], part: &Part) -> Result<Cow<'a, [u8]>, UnknownEncoding> {
    let body = part.body.of(message);
    Ok(match encoding(part)? {
        Encoding::Identity => Cow::Borrowed(body),
        encoding => Cow::Owned(transfer::decode(encoding, body)),
    })
}

/// The size of what [`octets`] returns, without building it: BINARY.SIZE[n].
pub fn size_octets(message: &[u8], part: &Part) -> Result<u64, UnknownEncoding> {
    let body = part.body.of(message);
    let encoding = encoding(part)?;
    if encoding == Encoding::Identity {
        return Ok(body.len() as u64);
    }
    let mut size = 0;
    let mut scratch = Vec::new();
    let mut decoder = Decoder::new(encoding);
    for piece in body.chunks(PIECE_OCTETS) {
        decoder.push(piece, &mut scratch);
        size += scratch.len() as u64;
        scratch.clear();
    }
    decoder.finish(&mut scratch);
    Ok(size + scratch.len() as u64)
}

/// The part's text in UTF-8, at most about `octets_max` of it, line ends as they came. A part that is no text, or whose
/// encoding is not known, is read as if it were plain.
pub fn text(message: &[u8], part: &Part, octets_max: usize) -> String {
    let mut text = String::new();
    pieces(message, part, |piece| {
        text.push_str(piece);
        text.len() >= octets_max
    });
    text.truncate(text.floor_char_boundary(octets_max));
    text
}

/// Hands the part's text over piece by piece until `enough` says so; tells whether it did.
pub(crate) fn pieces(message: &[u8], part: &Part, mut enough: impl FnMut(&str) -> bool) -> bool {
    let mut transfer = Decoder::new(Encoding::named(&part.encoding).unwrap_or(Encoding::Identity));
    let mut charset = charset::Decoder::new(part.parameter("charset"));
    let mut octets = Vec::new();
    let mut text = String::new();
    for piece in part.body.of(message).chunks(PIECE_OCTETS) {
        octets.clear();
        transfer.push(piece, &mut octets);
        text.clear();
        charset.push(&octets, false, &mut text);
        if enough(&text) {
            return true;
        }
    }
    octets.clear();
    transfer.finish(&mut octets);
    text.clear();
    charset.push(&octets, true, &mut text);
    enough(&text)
}

fn encoding(part: &Part) -> Result<Encoding, UnknownEncoding> {
    Encoding::named(&part.encoding).ok_or_else(|| UnknownEncoding { name: part.encoding.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn encodings_and_charsets_are_undone() {
        let message =
            b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            caf=E9 =\r\nau lait\r\n";
        let part = parse::structure(message).root;
        assert_eq!(text(message, &part, 100), "café au lait\r\n");
        assert_eq!(text(message, &part, 4), "caf");
        assert_eq!(octets(message, &part).as_deref(), Ok(&b"caf\xe9 au lait\r\n"[..]));
        assert_eq!(size_octets(message, &part), Ok(14));
    }

    #[test]
    fn unknown_encodings_are_told() {
        let message = b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n";
        let part = parse::structure(message).root;
        assert_eq!(octets(message, &part), Err(UnknownEncoding { name: "x-uuencode".to_owned() }));
        assert_eq!(text(message, &part, 100), "begin 644 x\r\n");
    }
}
