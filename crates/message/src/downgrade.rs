//! Eight-bit messages for seven-bit ways (RFC 6152 §3): the leaf parts that need it are encoded anew, everything else
//! stays octet by octet.

use crate::structure::Structure;
use std::borrow::Cow;

/// Why a message cannot go a seven-bit way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotDowngrade {
    /// A header has octets beyond ASCII; that needs SMTPUTF8 (RFC 6532).
    #[error("the header at octet {at} is not ASCII")]
    Header {
        /// Where the first such octet stands.
        at: u64,
    },
    /// A signed or encrypted part would be broken (RFC 1847 §2.1).
    #[error("the signed or encrypted part at octet {at} must not be changed")]
    Protected {
        /// Where the part begins.
        at: u64,
    },
    /// A part has an encoding that cannot be undone, or text where none may be encoded.
    #[error("the part at octet {at} cannot be encoded anew")]
    Part {
        /// Where the part begins.
        at: u64,
    },
}

/// Whether a message is seven-bit as it stands: no octet beyond ASCII, no NUL, no long line, no bare CR or LF
/// (RFC 2045 §2.7).
pub fn is_seven_bit(message: &[u8]) -> bool {
    todo!()
}

/// The message for a seven-bit way; borrowed if nothing had to change.
pub fn downgrade<'a>(message: &'a [u8], structure: &Structure) -> Result<Cow<'a, [u8]>, CannotDowngrade> {
    todo!()
}
