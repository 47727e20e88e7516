//! The payload of a commit record: what a group changed, as final values, so that applying it twice is harmless.
//!
//! ```text
//! time u64 (ms since 1970) | transactions u32 | changes u32 | changes
//! change: 1 u8, key octets u16, value octets u32, key, value     a row is written
//!         2 u8, key octets u16, key                              a row is removed
//!         3 u8, hash, references u32                             a blob is held by so many; 0 = no more
//! ```

use bytes::{Buf, Bytes};
use model::{BlobHash, Timestamp};

/// What a group changed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Commit {
    /// When the group was made.
    pub time: Timestamp,
    /// How many transactions it joins.
    pub transactions: u32,
    /// The changes, each key and hash at most once.
    pub changes: Vec<Change>,
}

/// One change of a commit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A row is written.
    Put(Bytes, Bytes),
    /// A row is removed.
    Delete(Bytes),
    /// A blob is held by so many references.
    Blob(BlobHash, u32),
}

const PUT: u8 = 1;
const DELETE: u8 = 2;
const BLOB: u8 = 3;

impl Commit {
    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(16 + self.changes.len() * 64);
        payload.extend_from_slice(&self.time.0.to_le_bytes());
        payload.extend_from_slice(&self.transactions.to_le_bytes());
        let count = u32::try_from(self.changes.len()).expect("groups are bounded");
        payload.extend_from_slice(&count.to_le_bytes());
        for change in &self.changes {
            encode_change(&mut payload, change);
        }
        payload
    }

    /// Reads a payload; `None` unless it is whole and nothing follows. Shares the payload's memory.
    pub fn decode(mut payload: Bytes) -> Option<Commit> {
        let time = Timestamp(payload.try_get_u64_le().ok()?);
        let transactions = payload.try_get_u32_le().ok()?;
        let count = payload.try_get_u32_le().ok()? as usize;
        // A change takes at least three octets, so a lying count cannot make us reserve more than was read.
        if count > payload.len() / 3 {
            return None;
        }
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push(decode_change(&mut payload)?);
        }
        payload.is_empty().then_some(Commit { time, transactions, changes })
    }
}

fn encode_change(payload: &mut Vec<u8>, change: &Change) {
    let key_octets = |key: &Bytes| u16::try_from(key.len()).expect("keys are bounded").to_le_bytes();
    match change {
        Change::Put(key, value) => {
            payload.push(PUT);
            payload.extend_from_slice(&key_octets(key));
            let value_octets = u32::try_from(value.len()).expect("values are bounded");
            payload.extend_from_slice(&value_octets.to_le_bytes());
            payload.extend_from_slice(key);
            payload.extend_from_slice(value);
        }
        Change::Delete(key) => {
            payload.push(DELETE);
            payload.extend_from_slice(&key_octets(key));
            payload.extend_from_slice(key);
        }
        Change::Blob(hash, count) => {
            payload.push(BLOB);
            payload.extend_from_slice(&hash.0);
            payload.extend_from_slice(&count.to_le_bytes());
        }
    }
}

fn decode_change(payload: &mut Bytes) -> Option<Change> {
    match payload.try_get_u8().ok()? {
        PUT => {
            let key_octets = usize::from(payload.try_get_u16_le().ok()?);
            let value_octets = payload.try_get_u32_le().ok()? as usize;
            let key = take(payload, key_octets)?;
            Some(Change::Put(key, take(payload, value_octets)?))
        }
        DELETE => {
            let key_octets = usize::from(payload.try_get_u16_le().ok()?);
            Some(Change::Delete(take(payload, key_octets)?))
        }
        BLOB => {
            let mut hash = [0; 32];
            payload.try_copy_to_slice(&mut hash).ok()?;
            Some(Change::Blob(BlobHash(hash), payload.try_get_u32_le().ok()?))
        }
        _ => None,
    }
}

fn take(payload: &mut Bytes, octets: usize) -> Option<Bytes> {
    (octets <= payload.len()).then(|| payload.split_to(octets))
}

#[cfg(test)]
mod tests;
