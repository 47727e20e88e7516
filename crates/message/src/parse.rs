//! Reads the MIME tree of a message (RFC 2045, RFC 2046). Never fails: whatever cannot be understood is text.

use crate::structure::Structure;

/// Takes a message apart.
pub fn structure(message: &[u8]) -> Structure {
    todo!()
}
