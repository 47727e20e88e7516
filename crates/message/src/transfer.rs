//! Content transfer encodings: base64 and quoted-printable, both ways, in pieces of any size (RFC 2045 §6).

/// The encodings that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `7bit`, `8bit`, `binary`: the octets are the content (RFC 2045 §6.2).
    Identity,
    /// `base64` (RFC 2045 §6.8).
    Base64,
    /// `quoted-printable` (RFC 2045 §6.7).
    QuotedPrintable,
}

impl Encoding {
    /// The encoding of that name in any case; `None` for one that is not known, such as `x-uuencode`.
    pub fn named(name: &str) -> Option<Encoding> {
        todo!()
    }
}

/// Decodes piece by piece. Damaged input is decoded as far as it makes sense; nothing is refused.
#[derive(Clone, Debug)]
pub struct Decoder {
    encoding: Encoding,
    held: Vec<u8>,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new(encoding: Encoding) -> Decoder {
        todo!()
    }

    /// Takes the next piece and appends what it means to `output`.
    pub fn push(&mut self, input: &[u8], output: &mut Vec<u8>) {
        todo!()
    }

    /// The end of the body: appends what was still held back.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        todo!()
    }
}

/// Decodes a whole body.
pub fn decode(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    todo!()
}

/// Base64 in lines of 76 characters, each ended by CRLF (RFC 2045 §6.8).
pub fn base64_lines(content: &[u8]) -> Vec<u8> {
    todo!()
}

/// Base64 without line ends (RFC 4648 §4).
pub fn base64(content: &[u8]) -> String {
    todo!()
}

/// Quoted-printable for text: line ends stay line ends (RFC 2045 §6.7).
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    todo!()
}
