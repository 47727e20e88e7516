//! Encoded words in header fields (RFC 2047, with the language of RFC 2231 §5), both ways.

use std::borrow::Cow;

/// Decodes all encoded words of an unfolded value; white space between two of them disappears (RFC 2047 §6.2). A
/// character cut in two by neighbouring words of one charset is put together again.
pub fn decode(value: &str) -> Cow<'_, str> {
    todo!()
}

/// Text for a field's value: as it is if it is plain ASCII, otherwise as encoded words in UTF-8 of at most 75
/// characters each, separated by a space (RFC 2047 §2).
pub fn encode(text: &str) -> Cow<'_, str> {
    todo!()
}
