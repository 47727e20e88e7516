//! Which conversation a message belongs to: that of an ancestor with the same base subject, or a new one.

use crate::book::Book;
use crate::error::Error;
use crate::limits::ANCESTORS_MAX;
use message::fold::fold;
use message::summary::Summary;
use storage::Read;

/// The keys under which a message's conversation is looked up and remembered: its own id and those of its ancestors,
/// each together with the base subject, so that a reply with a new subject begins a new conversation (RFC 8621 §3).
pub struct ThreadKeys(Vec<u128>);

impl ThreadKeys {
    /// Made before the transaction.
    pub fn of(summary: &Summary) -> ThreadKeys {
        let subject = fold(&summary.base_subject.text);
        let (first, later) = match summary.ancestors.split_first() {
            Some((first, later)) => (Some(first), later),
            None => (None, [].as_slice()),
        };
        let ancestors = later.iter().rev().take(ANCESTORS_MAX - 1).chain(first);
        let ids = summary.message_id.iter().chain(ancestors);
        let mut keys: Vec<u128> = ids.map(|id| hash(id, &subject)).collect();
        keys.dedup();
        ThreadKeys(keys)
    }

    /// The number of the conversation; the ids are remembered for those that follow.
    pub fn resolve(&self, book: &mut Book<'_, '_>) -> Result<u64, Error> {
        let mut found = None;
        let mut unknown = Vec::new();
        for hash in &self.0 {
            let key = book.keys.thread(*hash);
            match book.transaction.get(&key)? {
                Some(bytes) => {
                    let octets: [u8; 8] = bytes.try_into().map_err(|_| storage::Error::Row("threads"))?;
                    found = found.or(Some(u64::from_le_bytes(octets)));
                }
                None => unknown.push(key),
            }
        }
        let thread = found.unwrap_or_else(|| book.ledger.next_thread());
        for key in unknown {
            book.transaction.put(key, thread.to_le_bytes());
        }
        Ok(thread)
    }
}

/// FNV-1a in 128 bits over id, a zero octet and subject. Who makes two ids collide puts their own mail into a wrong
/// conversation and nothing else.
fn hash(id: &str, subject: &str) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let octets = id.bytes().chain([0]).chain(subject.bytes());
    octets.fold(BASIS, |hash, octet| (hash ^ u128::from(octet)).wrapping_mul(PRIME))
}
