//! Reading a segment group by group. Nothing is believed that is not checked.

use bytes::Bytes;
use model::BlobHash;

use crate::blob::Location;
use crate::error::Error;
use crate::log::commit::Commit;
use crate::log::record::{self, HEAD_OCTETS, Head, Kind};
use crate::log::segment::{HEADER_OCTETS, OpenSegment};

/// A group as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGroup {
    /// Its number.
    pub sequence: u64,
    /// Where its first record begins.
    pub start: u64,
    /// Where the next group would begin.
    pub end: u64,
    /// How many records it has.
    pub records: u64,
    /// The blobs that were stored with it.
    pub blobs: Vec<(BlobHash, Location)>,
    /// What it changed.
    pub commit: Commit,
}

/// What comes next in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole group.
    Group(Box<StoredGroup>),
    /// The file ends where a group ended.
    End,
    /// From here on, nothing whole: a torn tail, or damage.
    Broken {
        /// Where the group begins that is not whole.
        group: u64,
        /// Where the record begins that cannot be read.
        record: u64,
    },
}

/// Walks through a segment.
pub struct Scanner<'a> {
    segment: &'a OpenSegment,
    window: Window,
    at: u64,
}

impl<'a> Scanner<'a> {
    /// Begins at `offset`, which must be the beginning of a group, or 0 for the first.
    pub fn new(segment: &'a OpenSegment, offset: u64) -> Scanner<'a> {
        Scanner { segment, window: Window::default(), at: offset.max(HEADER_OCTETS) }
    }

    /// Where the next group would begin.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next group.
    pub fn step(&mut self) -> Result<Step, Error> {
        let start = self.at;
        let mut at = start;
        let mut blobs = Vec::new();
        let mut sequence = None;
        let mut records = 0;
        loop {
            if at == self.segment.octets && at == start {
                return Ok(Step::End);
            }
            let broken = Step::Broken { group: start, record: at };
            let Some(record) = self.record(at)? else { return Ok(broken) };
            if *sequence.get_or_insert(record.sequence) != record.sequence {
                return Ok(broken);
            }
            records += 1;
            let end = record.end;
            match record.content {
                Content::Blob(hash, octets) => {
                    blobs.push((hash, Location { segment: self.segment.header.segment, offset: at, octets }));
                }
                Content::Commit(commit) => {
                    self.at = end;
                    let sequence = record.sequence;
                    return Ok(Step::Group(Box::new(StoredGroup { sequence, start, end, records, blobs, commit })));
                }
            }
            at = end;
        }
    }

    /// Goes on at the first whole record behind `at` that begins a group; returns false at the end of the file.
    /// Only for repairs and for telling damage from a torn tail: it tries every octet.
    pub fn skip_damage(&mut self, at: u64) -> Result<bool, Error> {
        let mut at = at + 1;
        while at + HEAD_OCTETS as u64 <= self.segment.octets {
            if self.record(at)?.is_some() {
                self.at = at;
                return Ok(true);
            }
            at += 1;
        }
        self.at = self.segment.octets;
        Ok(false)
    }

    /// The record at `at`, if it is whole.
    pub fn record(&mut self, at: u64) -> Result<Option<StoredRecord>, Error> {
        let Some(head) = self.window.read(self.segment, at, HEAD_OCTETS)?.and_then(Head::decode) else {
            return Ok(None);
        };
        let end = at + head.record_octets();
        if end > self.segment.octets {
            return Ok(None);
        }
        let payload_at = at + HEAD_OCTETS as u64;
        let content = match head.kind {
            Kind::Commit => self.commit(payload_at, &head)?,
            Kind::Blob => self.blob(payload_at, &head)?,
            Kind::Rows | Kind::End => None,
        };
        Ok(content.map(|content| StoredRecord { sequence: head.sequence, end, content }))
    }

    fn commit(&mut self, at: u64, head: &Head) -> Result<Option<Content>, Error> {
        let payload = self.window.copy(self.segment, at, head.payload_octets as usize)?;
        if !head.fits(&payload) {
            return Ok(None);
        }
        Ok(Commit::decode(payload).map(Content::Commit))
    }

    /// Checks a blob piece by piece, so that its size does not matter.
    fn blob(&mut self, at: u64, head: &Head) -> Result<Option<Content>, Error> {
        let mut crc = head.begin_crc();
        let mut prefix = None;
        let mut done = 0;
        let total = u64::from(head.payload_octets);
        while done < total {
            let octets = usize::try_from((total - done).min(WINDOW_OCTETS as u64)).unwrap_or(WINDOW_OCTETS);
            let Some(piece) = self.window.read(self.segment, at + done, octets)? else { return Ok(None) };
            if done == 0 {
                prefix = record::decode_blob_prefix(piece, head.payload_octets);
                if prefix.is_none() {
                    return Ok(None);
                }
            }
            crc = crc32c::crc32c_append(crc, piece);
            done += octets as u64;
        }
        if !head.is_crc(crc) {
            return Ok(None);
        }
        Ok(prefix.map(|(hash, octets)| Content::Blob(hash, octets)))
    }
}

/// A whole record.
pub struct StoredRecord {
    /// Its group.
    pub sequence: u64,
    /// Where the next record would begin.
    pub end: u64,
    /// What it holds.
    pub content: Content,
}

/// What a record of the log holds.
pub enum Content {
    /// A blob of this hash and length.
    Blob(BlobHash, u32),
    /// The changes of a group.
    Commit(Commit),
}

const WINDOW_OCTETS: usize = 256 * 1024;

/// The part of the file that was read last.
#[derive(Default)]
struct Window {
    at: u64,
    octets: Vec<u8>,
}

impl Window {
    /// `octets` (at most a window) from `at` on; `None` beyond the end of the file.
    fn read(&mut self, segment: &OpenSegment, at: u64, octets: usize) -> Result<Option<&[u8]>, Error> {
        if at + octets as u64 > segment.octets {
            return Ok(None);
        }
        let holds = at >= self.at && at + octets as u64 <= self.at + self.octets.len() as u64;
        if !holds {
            let wanted = (segment.octets - at).min(WINDOW_OCTETS as u64);
            self.octets.resize(usize::try_from(wanted).unwrap_or(WINDOW_OCTETS), 0);
            self.at = at;
            read_at(segment, at, &mut self.octets)?;
        }
        let from = usize::try_from(at - self.at).unwrap_or(usize::MAX);
        Ok(self.octets.get(from..from + octets))
    }

    /// As many octets as asked, in memory of their own.
    fn copy(&mut self, segment: &OpenSegment, at: u64, octets: usize) -> Result<Bytes, Error> {
        if octets <= WINDOW_OCTETS {
            return Ok(Bytes::copy_from_slice(self.read(segment, at, octets)?.unwrap_or_default()));
        }
        let mut copy = vec![0; octets];
        read_at(segment, at, &mut copy)?;
        Ok(copy.into())
    }
}

fn read_at(segment: &OpenSegment, at: u64, buffer: &mut [u8]) -> Result<(), Error> {
    segment.file.read_at(at, buffer).map_err(|source| Error::io("reading", &segment.path, source))
}
