//! One record of the log. It describes and checks itself, and all its numbers are little-endian.
//!
//! ```text
//! 0  payload octets u32 | 4 kind u8 | 5 format u8 | 6 zero u16 | 8 sequence of its group u64
//! 16 crc32c of the 16 octets before and the payload, u32 | 20 payload
//! ```

use bytes::Bytes;
use model::BlobHash;

use crate::blob::NewBlob;
use crate::limits::{BLOB_BLOCK_OCTETS, BLOB_OCTETS_MAX, RECORD_OCTETS_MAX};

/// Octets before the payload.
pub const HEAD_OCTETS: usize = 20;
/// Octets of a blob's payload before its block checksums: hash and length.
pub const BLOB_PREFIX_OCTETS: usize = 36;
const FORMAT: u8 = 1;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A blob: hash, length u32, a crc32c for each 64 KiB, body.
    Blob,
    /// The row changes of a group; the group's last record, without which the group never happened.
    Commit,
    /// Rows of an index snapshot.
    Rows,
    /// The end of an index snapshot.
    End,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Kind::Blob => 1,
            Kind::Commit => 2,
            Kind::Rows => 3,
            Kind::End => 4,
        }
    }

    fn from_code(code: u8) -> Option<Kind> {
        [Kind::Blob, Kind::Commit, Kind::Rows, Kind::End].into_iter().find(|kind| kind.code() == code)
    }
}

/// The part of a record before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What it holds.
    pub kind: Kind,
    /// To which group it belongs.
    pub sequence: u64,
    /// Octets of the payload.
    pub payload_octets: u32,
    crc: u32,
    covered: [u8; 16],
}

impl Head {
    /// The head of a record whose payload has this length and crc32c.
    pub fn new(kind: Kind, sequence: u64, payload_octets: u32, payload_crc: u32) -> Head {
        Head::extending(kind, sequence, payload_octets, |crc| {
            crc32c::crc32c_combine(crc, payload_crc, payload_octets as usize)
        })
    }

    /// The same, where `extend` carries the crc32c of what stands before the payload on over the payload.
    pub fn extending(kind: Kind, sequence: u64, payload_octets: u32, extend: impl FnOnce(u32) -> u32) -> Head {
        let mut covered = [0; 16];
        covered[..4].copy_from_slice(&payload_octets.to_le_bytes());
        covered[4] = kind.code();
        covered[5] = FORMAT;
        covered[8..].copy_from_slice(&sequence.to_le_bytes());
        let crc = extend(crc32c::crc32c(&covered));
        Head { kind, sequence, payload_octets, crc, covered }
    }

    /// Reads a head; `None` if these octets cannot begin a record. The checksum is not looked at.
    pub fn decode(octets: &[u8]) -> Option<Head> {
        let covered: [u8; 16] = octets.get(..16)?.try_into().ok()?;
        let crc = u32::from_le_bytes(octets.get(16..HEAD_OCTETS)?.try_into().ok()?);
        let payload_octets = u32::from_le_bytes([covered[0], covered[1], covered[2], covered[3]]);
        let kind = Kind::from_code(covered[4])?;
        let (_, sequence) = covered.split_last_chunk::<8>()?;
        if covered[5] != FORMAT || covered[6] != 0 || covered[7] != 0 {
            return None;
        }
        if payload_octets as usize > RECORD_OCTETS_MAX {
            return None;
        }
        Some(Head { kind, sequence: u64::from_le_bytes(*sequence), payload_octets, crc, covered })
    }

    /// The octets.
    pub fn encode(&self) -> [u8; HEAD_OCTETS] {
        let mut octets = [0; HEAD_OCTETS];
        octets[..16].copy_from_slice(&self.covered);
        octets[16..].copy_from_slice(&self.crc.to_le_bytes());
        octets
    }

    /// Begins the checksum; go on with `crc32c_append` over the payload and end with [`Head::is_crc`].
    pub fn begin_crc(&self) -> u32 {
        crc32c::crc32c(&self.covered)
    }

    /// Whether a finished checksum is the one the record was written with.
    pub fn is_crc(&self, crc: u32) -> bool {
        self.crc == crc
    }

    /// Whether `payload` is what was written.
    pub fn fits(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload_octets as usize && self.is_crc(crc32c::crc32c_append(self.begin_crc(), payload))
    }

    /// Octets of the whole record.
    pub fn record_octets(&self) -> u64 {
        HEAD_OCTETS as u64 + u64::from(self.payload_octets)
    }
}

/// A record that is not a blob, whole.
pub fn encode(kind: Kind, sequence: u64, payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).expect("payloads are bounded far below 4 GiB");
    let head = Head::new(kind, sequence, length, crc32c::crc32c(payload));
    let mut record = Vec::with_capacity(HEAD_OCTETS + payload.len());
    record.extend_from_slice(&head.encode());
    record.extend_from_slice(payload);
    record.into()
}

/// What stands before a blob's body in the log: head, hash, length, block checksums. The body follows as it is.
pub fn encode_blob_prefix(sequence: u64, blob: &NewBlob) -> Bytes {
    let body_octets = u32::try_from(blob.len()).expect("blobs are bounded far below 4 GiB");
    let mut prefix = Vec::with_capacity(BLOB_PREFIX_OCTETS + 4 * blob.block_crcs().len());
    prefix.extend_from_slice(&blob.hash().0);
    prefix.extend_from_slice(&body_octets.to_le_bytes());
    for crc in blob.block_crcs() {
        prefix.extend_from_slice(&crc.to_le_bytes());
    }
    let payload_octets = u32::try_from(prefix.len() + blob.len()).expect("blobs are bounded far below 4 GiB");
    let head = Head::extending(Kind::Blob, sequence, payload_octets, |crc| {
        let crc = crc32c::crc32c_append(crc, &prefix);
        // Joining two checksums costs as much as reading some hundred kilobytes once more.
        if blob.len() <= JOINED_OCTETS_MIN {
            crc32c::crc32c_append(crc, blob.bytes())
        } else {
            crc32c::crc32c_combine(crc, blob.body_crc(), blob.len())
        }
    });
    let mut record = Vec::with_capacity(HEAD_OCTETS + prefix.len());
    record.extend_from_slice(&head.encode());
    record.extend_from_slice(&prefix);
    record.into()
}

/// Bodies up to this length are read again for the checksum of their record.
const JOINED_OCTETS_MIN: usize = 128 * 1024;

/// The hash and length at the beginning of a blob's payload, if the payload can be that long.
pub fn decode_blob_prefix(payload: &[u8], payload_octets: u32) -> Option<(BlobHash, u32)> {
    let hash: [u8; 32] = payload.get(..32)?.try_into().ok()?;
    let body_octets = u32::from_le_bytes(payload.get(32..36)?.try_into().ok()?);
    if body_octets as usize > BLOB_OCTETS_MAX {
        return None;
    }
    let expected = blob_record_octets(body_octets) - HEAD_OCTETS as u64;
    (expected == u64::from(payload_octets)).then_some((BlobHash(hash), body_octets))
}

/// Offset of the body in a blob's record.
pub fn blob_body_offset(body_octets: u32) -> u64 {
    let blocks = u64::from(body_octets).div_ceil(BLOB_BLOCK_OCTETS as u64);
    (HEAD_OCTETS + BLOB_PREFIX_OCTETS) as u64 + 4 * blocks
}

/// Octets of the whole record of a blob.
pub fn blob_record_octets(body_octets: u32) -> u64 {
    blob_body_offset(body_octets) + u64::from(body_octets)
}

#[cfg(test)]
mod tests;
