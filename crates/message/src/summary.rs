//! All that is computed once, when a message arrives, and stored beside it.

use crate::envelope::Envelope;
use crate::record::RecordError;
use crate::structure::Structure;
use crate::thread::BaseSubject;
use model::CivilTime;

/// What is remembered of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its length in octets.
    pub octets: u64,
    /// The envelope (RFC 9051 §7.5.2).
    pub envelope: Envelope,
    /// The MIME tree with offsets.
    pub structure: Structure,
    /// `Date:` as the sender's calendar shows it.
    pub sent: Option<CivilTime>,
    /// The subject without `Re:` and the like (RFC 5256 §2.1).
    pub base_subject: BaseSubject,
    /// The message's own id, without angle brackets.
    pub message_id: Option<String>,
    /// The ids of its ancestors, the oldest first, without angle brackets (RFC 5256 §3).
    pub ancestors: Vec<String>,
    /// At most 200 characters of its text (RFC 8970).
    pub preview: String,
}

impl Summary {
    /// Reads a message once.
    pub fn of(message: &[u8]) -> Summary {
        todo!()
    }

    /// The record to store, described in [`crate::record`]. Ordinary mail needs some hundred octets; thousands of
    /// addresses or parts can make it longer than a row of the store may be, and the owner must be prepared for that
    /// (such a message can be read again at any time).
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads a stored record.
    pub fn decode(record: &[u8]) -> Result<Summary, RecordError> {
        todo!()
    }
}
