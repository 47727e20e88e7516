//! The bytes of stored summaries, structures and envelopes.
//!
//! A record begins with one octet, its version. Numbers are LEB128 (seven bits an octet, the lowest first), texts are a
//! number and so many octets of UTF-8, an absent text is the number 0 and a present one its length plus 1.

use crate::envelope::Envelope;
use crate::structure::Structure;

/// Why stored bytes cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The version is not known to this program.
    #[error("a message record has version {found}, which this program does not know")]
    UnknownVersion {
        /// The version that stands there.
        found: u8,
    },
    /// The bytes end too early.
    #[error("a message record ends at octet {at} although more must follow")]
    Truncated {
        /// The record's length.
        at: usize,
    },
    /// The bytes make no sense.
    #[error("a message record is damaged at octet {at}")]
    Damaged {
        /// Where reading stopped.
        at: usize,
    },
}

impl Structure {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads stored bytes.
    pub fn decode(record: &[u8]) -> Result<Structure, RecordError> {
        todo!()
    }
}

impl Envelope {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads stored bytes.
    pub fn decode(record: &[u8]) -> Result<Envelope, RecordError> {
        todo!()
    }
}
