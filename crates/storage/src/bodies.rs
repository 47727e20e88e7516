//! Reads blobs out of the segments, and verifies what it reads.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use model::BlobHash;

use crate::blob::Location;
use crate::disk::{Disk, DiskFile};
use crate::error::Error;
use crate::limits::{BLOB_BLOCK_OCTETS, SEGMENT_HANDLES_MAX};
use crate::log::record::{self, BLOB_PREFIX_OCTETS, HEAD_OCTETS, Head, Kind};
use crate::log::segment::LogFolder;

/// Reads blobs; keeps the segments open that were read last.
pub struct Bodies {
    disk: Arc<dyn Disk>,
    folder: LogFolder,
    open: Mutex<VecDeque<(u64, Arc<dyn DiskFile>)>>,
}

impl Bodies {
    /// Reads from the log in `folder`.
    pub fn new(disk: Arc<dyn Disk>, folder: LogFolder) -> Bodies {
        Bodies { disk, folder, open: Mutex::default() }
    }

    /// The whole blob, verified. `None` if its segment is gone: then it has moved.
    pub fn read(&self, hash: &BlobHash, location: Location) -> Result<Option<Bytes>, Error> {
        let Some(file) = self.file(location.segment)? else { return Ok(None) };
        let octets = usize::try_from(record::blob_record_octets(location.octets)).unwrap_or(usize::MAX);
        let mut record = vec![0; octets];
        self.read_at(file.as_ref(), hash, location, 0, &mut record)?;
        let record = Bytes::from(record);
        let fits = Head::decode(&record).is_some_and(|head| {
            head.kind == Kind::Blob
                && record.get(HEAD_OCTETS..).is_some_and(|payload| {
                    head.fits(payload)
                        && record::decode_blob_prefix(payload, head.payload_octets) == Some((*hash, location.octets))
                })
        });
        if !fits {
            return Err(damage(hash, location));
        }
        let body_offset = usize::try_from(record::blob_body_offset(location.octets)).unwrap_or(usize::MAX);
        Ok(Some(record.slice(body_offset..)))
    }

    /// A part of the blob, the blocks around it verified. `None` if its segment is gone.
    pub fn read_range(&self, hash: &BlobHash, location: Location, range: Range<u64>) -> Result<Option<Bytes>, Error> {
        let end = range.end.min(u64::from(location.octets));
        if range.start >= end {
            return Ok(Some(Bytes::new()));
        }
        let block = BLOB_BLOCK_OCTETS as u64;
        let first = range.start / block;
        let from = first * block;
        let to = end.div_ceil(block).saturating_mul(block).min(u64::from(location.octets));
        let Some(file) = self.file(location.segment)? else { return Ok(None) };
        let body_offset = record::blob_body_offset(location.octets);
        let mut prefix = vec![0; usize::try_from(body_offset).unwrap_or(usize::MAX)];
        self.read_at(file.as_ref(), hash, location, 0, &mut prefix)?;
        let mut body = vec![0; usize::try_from(to - from).unwrap_or(usize::MAX)];
        self.read_at(file.as_ref(), hash, location, body_offset + from, &mut body)?;
        let table_at = HEAD_OCTETS + BLOB_PREFIX_OCTETS + 4 * usize::try_from(first).unwrap_or(usize::MAX);
        let (table, _) = prefix.get(table_at..).unwrap_or_default().as_chunks::<4>();
        let is_ours = prefix.get(HEAD_OCTETS..HEAD_OCTETS + 32) == Some(&hash.0[..]);
        let blocks = body.chunks(BLOB_BLOCK_OCTETS);
        let fits = is_ours
            && table.len() >= blocks.len()
            && blocks.zip(table).all(|(block, crc)| crc32c::crc32c(block) == u32::from_le_bytes(*crc));
        if !fits {
            return Err(damage(hash, location));
        }
        let within = |at: u64| usize::try_from(at - from).unwrap_or(usize::MAX);
        Ok(Some(Bytes::from(body).slice(within(range.start)..within(end))))
    }

    /// Forgets a segment that is about to be removed.
    pub fn forget(&self, segment: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != segment);
    }

    fn file(&self, segment: u64) -> Result<Option<Arc<dyn DiskFile>>, Error> {
        if segment == 0 {
            return Ok(None);
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(number, _)| *number == segment)
            && let Some(entry) = open.remove(at)
        {
            let file = Arc::clone(&entry.1);
            open.push_back(entry);
            return Ok(Some(file));
        }
        let path = self.folder.file(segment);
        let file: Arc<dyn DiskFile> = match self.disk.open(&path) {
            Ok(file) => file.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("opening", &path, source)),
        };
        if open.len() >= SEGMENT_HANDLES_MAX {
            open.pop_front();
        }
        open.push_back((segment, Arc::clone(&file)));
        Ok(Some(file))
    }

    fn read_at(
        &self,
        file: &dyn DiskFile,
        hash: &BlobHash,
        location: Location,
        at: u64,
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        file.read_at(location.offset + at, buffer).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => damage(hash, location),
            _ => Error::io("reading", &self.folder.file(location.segment), source),
        })
    }
}

fn damage(hash: &BlobHash, location: Location) -> Error {
    let location = format!("blob {hash} in segment {:016x} at {}", location.segment, location.offset);
    Error::Corrupt { what: "a blob", location }
}
