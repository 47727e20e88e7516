//! Snapshots of the index: all its rows in a file of checked records, written through the disk port, so that any engine
//! can be filled from them. File `snapshots/<sequence>.rows`:
//!
//! ```text
//! 0 "HELIOIDX" | 8 format u32 | 12 header octets u32 | 16 position (3 x u64) | 40 zeros | 60 crc32c u32
//! then records of kind Rows (a commit of puts; the sequence counts them from 1), then one of kind End (rows u64)
//! ```

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::Timestamp;

use crate::disk::{Disk, DiskFile};
use crate::error::Error;
use crate::index::{Change, Index, View};
use crate::key::KeyRange;
use crate::limits::SNAPSHOTS_KEPT;
use crate::log::commit::{self, Commit};
use crate::log::record::{self, HEAD_OCTETS, Head, Kind};
use crate::rows::{POSITION, Position};
use crate::usage::each_row;

const HEADER_OCTETS: u64 = 64;
const MAGIC: [u8; 8] = *b"HELIOIDX";
const FORMAT: u32 = 1;
/// A record of rows is ended at this size.
const CHUNK_OCTETS: usize = 256 * 1024;

/// Where snapshots lie.
#[derive(Clone, Debug)]
pub struct DumpFolder {
    path: PathBuf,
}

impl DumpFolder {
    /// The snapshots of the partition in `partition`.
    pub fn new(partition: &Path) -> DumpFolder {
        DumpFolder { path: partition.join("snapshots") }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, sequence: u64) -> PathBuf {
        self.path.join(format!("{sequence:016x}.rows"))
    }

    /// The snapshots there are, by sequence, the newest first.
    pub fn list(&self, disk: &dyn Disk) -> Result<Vec<u64>, Error> {
        let names = disk.list(&self.path).map_err(|source| Error::io("listing", &self.path, source))?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(".rows"));
        let mut sequences: Vec<u64> = stems.filter_map(|stem| u64::from_str_radix(stem, 16).ok()).collect();
        sequences.sort_unstable_by(|a, b| b.cmp(a));
        Ok(sequences)
    }

    /// Writes all rows of `view`, whole or not at all, and removes the oldest snapshots. Returns its position.
    pub fn write(&self, disk: &dyn Disk, view: &dyn View) -> Result<Position, Error> {
        let position = view.position()?.unwrap_or_default();
        let final_path = self.file(position.sequence);
        let draft_path = self.path.join("draft.tmp");
        let _ = disk.remove(&draft_path);
        let file = disk.create(&draft_path).map_err(|source| Error::io("creating", &draft_path, source))?;
        let outcome = write_rows(file.as_ref(), &draft_path, view, position);
        if let Err(error) = outcome {
            let _ = disk.remove(&draft_path);
            return Err(error);
        }
        disk.rename(&draft_path, &final_path).map_err(|source| Error::io("renaming", &draft_path, source))?;
        disk.sync_folder(&self.path).map_err(|source| Error::io("synchronising", &self.path, source))?;
        for old in self.list(disk)?.into_iter().skip(SNAPSHOTS_KEPT) {
            let path = self.file(old);
            disk.remove(&path).map_err(|source| Error::io("removing", &path, source))?;
        }
        // Segments may be removed next: no snapshot may come back then that still needs them.
        disk.sync_folder(&self.path).map_err(|source| Error::io("synchronising", &self.path, source))?;
        Ok(position)
    }

    /// The position of a snapshot, if its header is whole.
    pub fn position(&self, disk: &dyn Disk, sequence: u64) -> Result<Option<Position>, Error> {
        let path = self.file(sequence);
        let file = disk.open(&path).map_err(|source| Error::io("opening", &path, source))?;
        if length(file.as_ref(), &path)? < HEADER_OCTETS {
            return Ok(None);
        }
        Ok(decode_header(&read(file.as_ref(), &path, 0, HEADER_OCTETS)?))
    }

    /// Fills an empty index from a snapshot; returns false, with a part of the rows and no position in it, if the
    /// snapshot is damaged.
    pub fn load(&self, disk: &dyn Disk, sequence: u64, index: &dyn Index) -> Result<bool, Error> {
        let path = self.file(sequence);
        let file = disk.open(&path).map_err(|source| Error::io("opening", &path, source))?;
        let mut reader = DumpReader::new(file, path)?;
        let Some(position) = reader.position else { return Ok(false) };
        while let Some(rows) = reader.next_rows()? {
            index.apply(&rows, None)?;
        }
        if !reader.is_complete {
            return Ok(false);
        }
        index.apply(&[], Some(position))?;
        Ok(true)
    }

    /// Reads a snapshot through. Returns whether it is whole.
    pub fn verify(&self, disk: &dyn Disk, sequence: u64) -> Result<bool, Error> {
        let path = self.file(sequence);
        let file = disk.open(&path).map_err(|source| Error::io("opening", &path, source))?;
        let mut reader = DumpReader::new(file, path)?;
        while reader.next_rows()?.is_some() {}
        Ok(reader.is_complete && reader.position.is_some())
    }
}

fn encode_header(position: Position) -> [u8; HEADER_OCTETS as usize] {
    let mut header = [0; HEADER_OCTETS as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..16].copy_from_slice(&64u32.to_le_bytes());
    header[16..40].copy_from_slice(&position.encode());
    let crc = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    header
}

fn decode_header(header: &[u8]) -> Option<Position> {
    let (covered, crc) = header.split_last_chunk::<4>()?;
    let format = covered.get(8..12)?;
    let is_ours = covered.starts_with(&MAGIC) && format == FORMAT.to_le_bytes();
    if !is_ours || crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
        return None;
    }
    Position::decode(covered.get(16..40)?)
}

fn write_rows(file: &dyn DiskFile, path: &Path, view: &dyn View, position: Position) -> Result<(), Error> {
    let mut at = 0;
    let mut put = |octets: &[u8]| {
        let outcome = file.write_at(at, &mut [IoSlice::new(octets)]);
        at += octets.len() as u64;
        outcome.map_err(|source| Error::io("writing", path, source))
    };
    put(&encode_header(position))?;
    let (mut chunk, mut chunk_octets, mut chunks, mut total) = (Vec::new(), 0, 0, 0u64);
    let encode = |changes: Vec<commit::Change>, number| {
        let commit = Commit { time: Timestamp(0), transactions: 0, changes };
        record::encode(Kind::Rows, number, &commit.encode())
    };
    each_row(view, KeyRange::prefix(&[]), &mut |(key, value)| {
        if key == POSITION {
            return Ok(ControlFlow::Continue(()));
        }
        chunk_octets += key.len() + value.len();
        total += 1;
        chunk.push(commit::Change::Put(key.into(), value.into()));
        if chunk_octets >= CHUNK_OCTETS {
            chunks += 1;
            chunk_octets = 0;
            put(&encode(std::mem::take(&mut chunk), chunks))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    put(&encode(chunk, chunks + 1))?;
    put(&record::encode(Kind::End, chunks + 2, &total.to_le_bytes()))?;
    file.sync().map_err(|source| Error::io("synchronising", path, source))
}

/// Reads a snapshot record by record.
struct DumpReader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    octets: u64,
    at: u64,
    records: u64,
    rows: u64,
    position: Option<Position>,
    /// The end record was reached, and counts what was read.
    is_complete: bool,
}

impl DumpReader {
    fn new(file: Box<dyn DiskFile>, path: PathBuf) -> Result<DumpReader, Error> {
        let octets = length(file.as_ref(), &path)?;
        let position =
            if octets < HEADER_OCTETS { None } else { decode_header(&read(file.as_ref(), &path, 0, HEADER_OCTETS)?) };
        Ok(DumpReader { file, path, octets, at: HEADER_OCTETS, records: 0, rows: 0, position, is_complete: false })
    }

    /// The next rows; `None` at the end or at damage.
    fn next_rows(&mut self) -> Result<Option<Vec<Change>>, Error> {
        let Some((head, payload)) = self.next_record()? else { return Ok(None) };
        self.records += 1;
        if head.sequence != self.records {
            return Ok(None);
        }
        if head.kind == Kind::End {
            self.is_complete = payload.as_ref() == self.rows.to_le_bytes();
            return Ok(None);
        }
        let Some(commit) = Commit::decode(payload).filter(|_| head.kind == Kind::Rows) else { return Ok(None) };
        let rows = commit.changes.into_iter().filter_map(|change| match change {
            commit::Change::Put(key, value) => Some((key, Some(value))),
            commit::Change::Delete(_) | commit::Change::Blob(..) => None,
        });
        let rows: Vec<_> = rows.collect();
        self.rows += rows.len() as u64;
        Ok(Some(rows))
    }

    fn next_record(&mut self) -> Result<Option<(Head, Bytes)>, Error> {
        if self.position.is_none() || self.at + HEAD_OCTETS as u64 > self.octets {
            return Ok(None);
        }
        let head = Head::decode(&read(self.file.as_ref(), &self.path, self.at, HEAD_OCTETS as u64)?);
        let Some(head) = head.filter(|head| self.at + head.record_octets() <= self.octets) else { return Ok(None) };
        let payload_at = self.at + HEAD_OCTETS as u64;
        let payload = read(self.file.as_ref(), &self.path, payload_at, u64::from(head.payload_octets))?;
        self.at += head.record_octets();
        Ok(head.fits(&payload).then(|| (head, payload.into())))
    }
}

fn length(file: &dyn DiskFile, path: &Path) -> Result<u64, Error> {
    file.octets().map_err(|source| Error::io("reading", path, source))
}

fn read(file: &dyn DiskFile, path: &Path, at: u64, octets: u64) -> Result<Vec<u8>, Error> {
    let mut buffer = vec![0; usize::try_from(octets).unwrap_or(0)];
    file.read_at(at, &mut buffer).map_err(|source| Error::io("reading", path, source))?;
    Ok(buffer)
}

#[cfg(test)]
mod tests;
