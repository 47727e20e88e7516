//! Segments: the files of the log. Each opens with a header that says its format, number and first group.
//!
//! ```text
//! 0 "HELIOLOG" | 8 format u32 | 12 header octets u32 | 16 number u64 | 24 sequence of its first group u64
//! 32 made at u64 (ms since 1970) | 40 zeros | 60 crc32c of the 60 octets before u32
//! ```

use std::path::{Path, PathBuf};

use model::Timestamp;

use crate::disk::{Disk, DiskFile};
use crate::error::Error;

/// Octets before the first record.
pub const HEADER_OCTETS: u64 = 64;
const MAGIC: [u8; 8] = *b"HELIOLOG";
/// The version of everything in a segment.
pub const FORMAT: u32 = 1;

/// The head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The segment's number, from 1.
    pub segment: u64,
    /// The sequence of the first group in it.
    pub first_sequence: u64,
    /// When it was begun.
    pub made: Timestamp,
}

/// Why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The octets are none of ours, or torn.
    Torn,
    /// Written by another version, whose number is given.
    Format(u32),
}

impl Header {
    /// The octets.
    pub fn encode(&self) -> [u8; HEADER_OCTETS as usize] {
        let mut octets = [0; HEADER_OCTETS as usize];
        octets[..8].copy_from_slice(&MAGIC);
        octets[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        octets[12..16].copy_from_slice(&64u32.to_le_bytes());
        octets[16..24].copy_from_slice(&self.segment.to_le_bytes());
        octets[24..32].copy_from_slice(&self.first_sequence.to_le_bytes());
        octets[32..40].copy_from_slice(&self.made.0.to_le_bytes());
        let crc = crc32c::crc32c(&octets[..60]);
        octets[60..].copy_from_slice(&crc.to_le_bytes());
        octets
    }

    /// Reads a header.
    pub fn decode(octets: &[u8; HEADER_OCTETS as usize]) -> Result<Header, HeaderFault> {
        let (covered, crc) = octets.split_last_chunk::<4>().ok_or(HeaderFault::Torn)?;
        if covered[..8] != MAGIC || crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return Err(HeaderFault::Torn);
        }
        let number = |at: usize| {
            let octets = covered.get(at..at + 8).and_then(|octets| octets.try_into().ok());
            octets.map(u64::from_le_bytes).ok_or(HeaderFault::Torn)
        };
        // The version is the lower half of the eight octets from 8 on.
        let format = u32::try_from(number(8)? & 0xffff_ffff).map_err(|_| HeaderFault::Torn)?;
        if format != FORMAT {
            return Err(HeaderFault::Format(format));
        }
        Ok(Header { segment: number(16)?, first_sequence: number(24)?, made: Timestamp(number(32)?) })
    }
}

/// Where the segments lie.
#[derive(Clone, Debug)]
pub struct LogFolder {
    path: PathBuf,
}

impl LogFolder {
    /// The log of the partition in `partition`.
    pub fn new(partition: &Path) -> LogFolder {
        LogFolder { path: partition.join("log") }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a segment.
    pub fn file(&self, segment: u64) -> PathBuf {
        self.path.join(format!("{segment:016x}.seg"))
    }

    /// Where a segment goes that was never begun properly.
    pub fn torn_file(&self, segment: u64) -> PathBuf {
        self.path.join(format!("{segment:016x}.torn"))
    }

    /// The numbers of all segments and of all torn ones, each in order.
    pub fn list(&self, disk: &dyn Disk) -> Result<(Vec<u64>, Vec<u64>), Error> {
        let names = disk.list(&self.path).map_err(|source| Error::io("listing", &self.path, source))?;
        let numbers = |suffix: &str| {
            let stems = names.iter().filter_map(|name| name.strip_suffix(suffix));
            let mut numbers: Vec<u64> = stems.filter_map(|stem| u64::from_str_radix(stem, 16).ok()).collect();
            numbers.sort_unstable();
            numbers
        };
        Ok((numbers(".seg"), numbers(".torn")))
    }

    /// Opens a segment and reads its header. The inner error says why the header cannot be used.
    pub fn open(&self, disk: &dyn Disk, segment: u64) -> Result<Result<OpenSegment, HeaderFault>, Error> {
        let path = self.file(segment);
        let file = disk.open(&path).map_err(|source| Error::io("opening", &path, source))?;
        let octets = file.octets().map_err(|source| Error::io("reading", &path, source))?;
        if octets < HEADER_OCTETS {
            return Ok(Err(HeaderFault::Torn));
        }
        let mut header = [0; HEADER_OCTETS as usize];
        file.read_at(0, &mut header).map_err(|source| Error::io("reading", &path, source))?;
        match Header::decode(&header) {
            Err(fault) => Ok(Err(fault)),
            Ok(header) if header.segment != segment => Ok(Err(HeaderFault::Torn)),
            Ok(header) => Ok(Ok(OpenSegment { header, file, octets, path })),
        }
    }
}

/// The segment that is written to: its number and its file.
pub type CurrentSegment = (u64, Box<dyn DiskFile>);

/// A segment that can be read.
pub struct OpenSegment {
    /// What it says of itself.
    pub header: Header,
    /// The file.
    pub file: Box<dyn DiskFile>,
    /// Its length when it was opened.
    pub octets: u64,
    /// Its name, for errors.
    pub path: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_its_golden_octets() {
        let header = Header { segment: 2, first_sequence: 0x0304, made: Timestamp(5) };
        let octets = header.encode();
        let mut golden = b"HELIOLOG\x01\0\0\0\x40\0\0\0\x02\0\0\0\0\0\0\0\x04\x03\0\0\0\0\0\0\x05".to_vec();
        golden.resize(60, 0);
        golden.extend_from_slice(&[0, 0, 0, 0]);
        assert_eq!(octets[..60], golden[..60]);
        assert_eq!(Header::decode(&octets), Ok(header));
    }

    #[test]
    fn another_format_is_named_and_a_torn_header_is_torn() {
        let mut octets = Header { segment: 1, first_sequence: 1, made: Timestamp(0) }.encode();
        octets[8] = 9;
        assert_eq!(Header::decode(&octets), Err(HeaderFault::Torn));
        let crc = crc32c::crc32c(&octets[..60]);
        octets[60..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(&octets), Err(HeaderFault::Format(9)));
    }
}
