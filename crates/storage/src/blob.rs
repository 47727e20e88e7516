//! Blobs: immutable octets named by their SHA-256, counted by references, kept in the log and never in the index.

use std::ops::Deref;

use bytes::Bytes;
use model::BlobHash;
use sha2::{Digest, Sha256};

use crate::limits::BLOB_BLOCK_OCTETS;

/// Octets that may be stored: hashed where they are made, so that the executor need not.
#[derive(Clone)]
pub struct NewBlob {
    hash: BlobHash,
    body: Bytes,
    body_crc: u32,
    block_crcs: Vec<u32>,
}

impl NewBlob {
    /// Hashes `body`. Costs about 2 ms a megabyte: call it before the transaction, not in it.
    pub fn new(body: impl Into<Bytes>) -> NewBlob {
        let body = body.into();
        let hash = hash_of(&body);
        NewBlob::with_hash(hash, body)
    }

    /// For octets whose hash is known, as when a blob is moved.
    pub(crate) fn with_hash(hash: BlobHash, body: Bytes) -> NewBlob {
        let block_crcs = body.chunks(BLOB_BLOCK_OCTETS).map(crc32c::crc32c).collect();
        let body_crc = crc32c::crc32c(&body);
        NewBlob { hash, body, body_crc, block_crcs }
    }

    /// The name under which it will be found.
    pub fn hash(&self) -> BlobHash {
        self.hash
    }

    /// Its octets.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// How many octets it has.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    pub(crate) fn body_crc(&self) -> u32 {
        self.body_crc
    }

    pub(crate) fn block_crcs(&self) -> &[u32] {
        &self.block_crcs
    }
}

impl std::fmt::Debug for NewBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewBlob({}, {} octets)", self.hash, self.body.len())
    }
}

/// A stored blob, read whole, its checksum verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(Bytes);

impl Blob {
    pub(crate) fn new(body: Bytes) -> Blob {
        Blob(body)
    }

    /// The octets.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} octets)", self.0.len())
    }
}

/// What the index knows of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// Where it stands in the log.
    pub location: Location,
    /// How many references hold it; never 0 in the index.
    pub count: u32,
}

/// Where a blob's record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Number of the segment; 0 when a repair could not find the blob.
    pub segment: u64,
    /// Offset of the record in the segment.
    pub offset: u64,
    /// Octets of the body.
    pub octets: u32,
}

const BLOB_ROW_OCTETS: usize = 24;

impl BlobRow {
    /// segment u64, offset u64, octets u32, count u32; little-endian.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(BLOB_ROW_OCTETS);
        row.extend_from_slice(&self.location.segment.to_le_bytes());
        row.extend_from_slice(&self.location.offset.to_le_bytes());
        row.extend_from_slice(&self.location.octets.to_le_bytes());
        row.extend_from_slice(&self.count.to_le_bytes());
        row
    }

    pub(crate) fn decode(row: &[u8]) -> Option<BlobRow> {
        if row.len() != BLOB_ROW_OCTETS {
            return None;
        }
        let (segment, row) = row.split_first_chunk::<8>()?;
        let (offset, row) = row.split_first_chunk::<8>()?;
        let (octets, row) = row.split_first_chunk::<4>()?;
        let (count, _) = row.split_first_chunk::<4>()?;
        Some(BlobRow {
            location: Location {
                segment: u64::from_le_bytes(*segment),
                offset: u64::from_le_bytes(*offset),
                octets: u32::from_le_bytes(*octets),
            },
            count: u32::from_le_bytes(*count),
        })
    }
}

pub(crate) fn hash_of(body: &[u8]) -> BlobHash {
    BlobHash(Sha256::digest(body).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_row_has_its_golden_octets() {
        let row = BlobRow { location: Location { segment: 1, offset: 0x0203, octets: 4 }, count: 5 };
        let golden = [1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0];
        assert_eq!(row.encode(), golden);
        assert_eq!(BlobRow::decode(&golden), Some(row));
        assert_eq!(BlobRow::decode(&golden[1..]), None);
    }

    #[test]
    fn a_blob_is_named_by_its_sha256() {
        let empty = NewBlob::new(Bytes::new()).hash().to_string();
        assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
