//! The preview of a message (RFC 8970 §3): the beginning of what it says, on one line.

use crate::structure::Structure;

/// At most 200 characters of the message's text; empty if it has none.
pub fn preview(message: &[u8], structure: &Structure) -> String {
    todo!()
}
