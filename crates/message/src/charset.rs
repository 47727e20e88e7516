//! Text in any charset to UTF-8, by the labels of the WHATWG encoding standard and the names mail adds to them.

use std::borrow::Cow;

/// Whether texts in this charset can be decoded.
pub fn is_known(name: &str) -> bool {
    todo!()
}

/// Decodes. An unknown charset is read as UTF-8 if the octets are valid UTF-8, and as windows-1252 if not; what has no
/// meaning becomes U+FFFD.
pub fn decode<'a>(name: &str, octets: &'a [u8]) -> Cow<'a, str> {
    todo!()
}

/// Text whose charset nobody named: UTF-8 if it is valid, otherwise windows-1252.
pub fn guess(octets: &[u8]) -> Cow<'_, str> {
    todo!()
}

/// Decodes piece by piece.
pub struct Decoder {
    inner: encoding_rs::Decoder,
}

impl Decoder {
    /// A decoder for that charset; UTF-8 when it is unknown or absent.
    pub fn new(name: Option<&str>) -> Decoder {
        todo!()
    }

    /// Appends the text of the next piece; `last` tells that no more will come.
    pub fn push(&mut self, octets: &[u8], last: bool, output: &mut String) {
        todo!()
    }
}
