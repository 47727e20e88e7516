//! Numbers and hashes that name things. Each is its own type, so that one cannot be handed over for another.

use std::fmt;
use std::str::FromStr;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

number!(
    /// An account: the owner of collections. Number 0 is the partition itself.
    AccountId(u32)
);
number!(
    /// A mailbox within its account; never given out twice in one account.
    MailboxId(u32)
);
number!(
    /// A message's unique identifier within its mailbox, never 0 (RFC 9051 §2.3.1.1).
    Uid(u32)
);
number!(
    /// The value that must change when the UIDs of a mailbox do, never 0 (RFC 9051 §2.3.1.1).
    UidValidity(u32)
);
number!(
    /// A position in an account's sequence of changes (RFC 7162 §3.1); at most 63 bits are used.
    Modseq(u64)
);

/// One accepted message in the queue. Grows with the order of acceptance; written in sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub u64);

/// The name under which a connection, or one transaction of it, is followed through the logs and the trace.
/// Written in sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub u64);

/// The SHA-256 of a blob's octets: its name in the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for QueueId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<QueueId, Self::Err> {
        u64::from_str_radix(text, 16).map(QueueId)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for TraceId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<TraceId, Self::Err> {
        u64::from_str_radix(text, 16).map(TraceId)
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_ids_read_back() {
        let id = QueueId(0x1f);
        assert_eq!(id.to_string(), "000000000000001f");
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
