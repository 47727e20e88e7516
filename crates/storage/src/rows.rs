//! The rows of the index that are our own: space 0 of account 0. Nobody above can write there.
//!
//! | key behind the prefix | value |
//! |---|---|
//! | `b` hash | `BlobRow`: where a blob stands and how many references hold it |
//! | `g` segment u64 (big-endian) | `SegmentUsage`: what of a segment is still held |
//! | `p` | `Position`: how far the index has followed the log |
//! | `s` name | the octet of a named space |
//!
//! All but `s` are derived: they are not in the log, but follow from it.

use bytes::Bytes;
use model::BlobHash;

use crate::key::KeyRange;

/// The beginning of all our keys.
pub const PREFIX: [u8; 5] = [0; 5];
/// The key of the position row.
pub const POSITION: [u8; 6] = [0, 0, 0, 0, 0, b'p'];

/// Whether a key is one of ours.
pub fn is_ours(key: &[u8]) -> bool {
    key.starts_with(&PREFIX)
}

/// Whether a row follows from the log and is not in it.
pub fn is_derived(key: &[u8]) -> bool {
    is_ours(key) && key.get(PREFIX.len()) != Some(&b's')
}

fn key(kind: u8, rest: &[u8]) -> Bytes {
    let mut key = Vec::with_capacity(PREFIX.len() + 1 + rest.len());
    key.extend_from_slice(&PREFIX);
    key.push(kind);
    key.extend_from_slice(rest);
    key.into()
}

/// The key of a blob's row.
pub fn blob_key(hash: &BlobHash) -> Bytes {
    key(b'b', &hash.0)
}

/// The keys of all blobs.
pub fn blob_range() -> KeyRange {
    KeyRange::prefix(&key(b'b', &[]))
}

/// The hash in a blob's key.
pub fn blob_of_key(key: &[u8]) -> Option<BlobHash> {
    key.get(PREFIX.len() + 1..)?.try_into().ok().map(BlobHash)
}

/// The key of a segment's usage.
pub fn usage_key(segment: u64) -> Bytes {
    key(b'g', &segment.to_be_bytes())
}

/// The keys of all usages.
pub fn usage_range() -> KeyRange {
    KeyRange::prefix(&key(b'g', &[]))
}

/// The segment in a usage key.
pub fn segment_of_key(key: &[u8]) -> Option<u64> {
    key.get(PREFIX.len() + 1..)?.try_into().ok().map(u64::from_be_bytes)
}

/// The key of a named space.
pub fn space_key(name: &str) -> Bytes {
    key(b's', name.as_bytes())
}

/// The keys of all named spaces.
pub fn space_range() -> KeyRange {
    KeyRange::prefix(&key(b's', &[]))
}

/// How far an index has followed the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The last group that was applied; 0 = none.
    pub sequence: u64,
    /// The segment in which it stands.
    pub segment: u64,
    /// Where it ends in that segment.
    pub offset: u64,
}

impl Position {
    /// sequence, segment, offset; u64 little-endian each.
    pub fn encode(&self) -> Vec<u8> {
        [self.sequence, self.segment, self.offset].iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<Position> {
        let [sequence, segment, offset] = numbers(row)?;
        Some(Position { sequence, segment, offset })
    }
}

/// What of a segment is still held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentUsage {
    /// Blobs that stand there and are held.
    pub blobs: u64,
    /// Octets of their records.
    pub octets: u64,
}

impl SegmentUsage {
    /// blobs, octets; u64 little-endian each.
    pub fn encode(&self) -> Vec<u8> {
        [self.blobs, self.octets].iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<SegmentUsage> {
        let [blobs, octets] = numbers(row)?;
        Some(SegmentUsage { blobs, octets })
    }
}

fn numbers<const N: usize>(row: &[u8]) -> Option<[u64; N]> {
    let (chunks, rest) = row.as_chunks::<8>();
    let numbers: Vec<u64> = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
    if rest.is_empty() { numbers.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_rows_have_their_golden_octets() {
        let position = Position { sequence: 1, segment: 2, offset: 0x0300 };
        let golden = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0];
        assert_eq!(position.encode(), golden);
        assert_eq!(Position::decode(&golden), Some(position));
        let usage = SegmentUsage { blobs: 5, octets: 6 };
        assert_eq!(usage.encode(), [5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(SegmentUsage::decode(&usage.encode()), Some(usage));
        assert_eq!(Position::decode(&golden[1..]), None);
        assert_eq!(segment_of_key(&usage_key(9)), Some(9));
        assert!(is_derived(&usage_key(9)) && !is_derived(&space_key("x")) && is_ours(&space_key("x")));
    }
}
