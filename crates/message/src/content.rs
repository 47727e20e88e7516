//! What a part holds, its transfer encoding and charset undone.

use crate::structure::Part;
use std::borrow::Cow;

/// Why the content of a part cannot be had (RFC 9051 §7.1 `UNKNOWN-CTE`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content transfer encoding {name:?} is not known")]
pub struct UnknownEncoding {
    /// The encoding's name.
    pub name: String,
}

/// The part's octets with the transfer encoding undone: what BINARY[n] returns (RFC 3516 §4.2, RFC 9051 §6.4.5).
pub fn octets<'a>(message: &'a [u8], part: &Part) -> Result<Cow<'a, [u8]>, UnknownEncoding> {
    todo!()
}

/// The size of what [`octets`] returns, without building it: BINARY.SIZE[n].
pub fn size_octets(message: &[u8], part: &Part) -> Result<u64, UnknownEncoding> {
    todo!()
}

/// The part's text in UTF-8, at most about `octets_max` of it, line ends as they came. A part that is no text, or whose
/// encoding is not known, is read as if it were plain.
pub fn text(message: &[u8], part: &Part, octets_max: usize) -> String {
    todo!()
}
