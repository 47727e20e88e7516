//! Fields put on top of a message, all below them untouched (RFC 5321 §4.4, RFC 6409 §8), and what the fields on top
//! tell about its way.

use model::{Address, Timestamp};

/// Fields in the making, to be put in front of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    octets: Vec<u8>,
}

impl Prefix {
    /// No field yet.
    pub fn new() -> Prefix {
        Prefix::default()
    }

    /// Adds a field below those already there. Line ends in the value become spaces; long values are folded at white
    /// space so that lines stay below 79 characters where they can (RFC 5322 §2.2.3).
    pub fn field(&mut self, name: &str, value: &str) -> &mut Prefix {
        todo!()
    }

    /// Adds `Return-Path:`; `None` is the null reverse-path `<>` (RFC 5321 §4.4).
    pub fn return_path(&mut self, reverse_path: Option<&Address>) -> &mut Prefix {
        todo!()
    }

    /// The octets to put in front of the message, each line ended by CRLF.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The octets to put in front of the message.
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// Adds what a submitted message lacks: `Date:` and `Message-ID:` (RFC 6409 §8.1, §8.3). `message_id` is given without
/// angle brackets. `message` is only read.
pub fn complete(message: &[u8], now: Timestamp, message_id: &str, prefix: &mut Prefix) {
    todo!()
}

/// How often the message was received before: its `Received:` fields (RFC 5321 §6.3).
pub fn hops(message: &[u8]) -> usize {
    todo!()
}

/// Whether a `Delivered-To:` field names this address, so that delivering it again would be a loop.
pub fn was_delivered_to(message: &[u8], address: &Address) -> bool {
    todo!()
}
