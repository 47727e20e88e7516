//! Every key of the queue. All lie below account 0 of the system partition, in the space `queue`.
//!
//! | kind | rest of the key | value |
//! |---|---|---|
//! | 1 | queue id u64 | message record |
//! | 2 | queue id u64, recipient u32 | recipient record |
//! | 3 | channel u8, for 7 its name text | empty: the channel is stopped |
//! | 4 | trace u64, number u32 | trace event |
//! | 5 | day u32, trace u64 | queue id u64, hash of the Message-ID u64, 0 for none: traces that have an event of that day |
//! | 6 | nothing | counter: the last queue id |
//! | 7 | queue id u64 | trace u64 |
//! | 8 | hash of a Message-ID u64, trace u64 | empty: messages that had it |

use crate::channel::NAMED_OCTET;
use crate::entry::Channel;
use model::{AccountId, QueueId, TraceId};
use storage::{Key, KeyParts, Space};

/// The name of the storage space.
pub const SPACE: &str = "queue";

#[derive(Clone, Copy, Debug)]
pub struct Keys(pub Space);

impl Keys {
    fn kind(self, kind: u8) -> Key {
        self.0.key(AccountId(0)).u8(kind)
    }

    pub fn messages(self) -> Key {
        self.kind(1)
    }

    pub fn message(self, id: QueueId) -> Key {
        self.kind(1).u64(id.0)
    }

    pub fn all_recipients(self) -> Key {
        self.kind(2)
    }

    pub fn recipients(self, id: QueueId) -> Key {
        self.kind(2).u64(id.0)
    }

    pub fn recipient(self, id: QueueId, number: u32) -> Key {
        self.recipients(id).u32(number)
    }

    pub fn stopped(self, channel: Channel) -> Key {
        let key = self.kind(3).u8(channel.octet());
        channel.named().map_or_else(|| key.clone(), |name| key.clone().text(name.as_str()))
    }

    pub fn all_stopped(self) -> Key {
        self.kind(3)
    }

    pub fn events(self, trace: TraceId) -> Key {
        self.kind(4).u64(trace.0)
    }

    pub fn event(self, trace: TraceId, number: u32) -> Key {
        self.events(trace).u32(number)
    }

    pub fn days(self) -> Key {
        self.kind(5)
    }

    pub fn day(self, day: u32, trace: TraceId) -> Key {
        self.kind(5).u32(day).u64(trace.0)
    }

    pub fn last_id(self) -> Key {
        self.kind(6)
    }

    pub fn of_message_id(self, hash: u64) -> Key {
        self.kind(8).u64(hash)
    }

    pub fn trace_of(self, id: QueueId) -> Key {
        self.kind(7).u64(id.0)
    }
}

/// The part of a key behind account, space and kind.
pub fn rest(key: &[u8]) -> Option<KeyParts<'_>> {
    let mut parts = KeyParts::after_space(key)?;
    parts.u8()?;
    Some(parts)
}

/// The channel of a key of kind 3; nothing when it is none that this program knows.
pub fn stopped_channel(key: &[u8]) -> Option<Channel> {
    let mut parts = rest(key)?;
    match parts.u8()? {
        NAMED_OCTET => parts.text()?.parse().ok().map(Channel::Named),
        octet => Channel::from_octet(octet),
    }
}

/// The number at the end of a key of kind 2 or 4.
pub fn last_number(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|octets| u32::from_be_bytes(*octets))
}
