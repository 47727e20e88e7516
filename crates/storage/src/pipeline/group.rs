//! A group of transactions: made by the executor, written by the log writer, applied by the index applier.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{BlobHash, Timestamp};

use crate::blob::{BlobRow, Location};
use crate::error::WriteError;
use crate::index::Change;
use crate::log::commit::{self, Commit};
use crate::log::record::{self, Kind};
use crate::log::segment::{HEADER_OCTETS, Header};
use crate::notice::Notice;
use crate::overlay::Rows;
use crate::pending::Receipt;
use crate::pipeline::job::Job;
use crate::pipeline::state::State;
use crate::rows::{self, Position};
use crate::transaction::{BlobChange, Effects};
use crate::usage::Usage;

/// Transactions that are durable together.
pub struct Group {
    /// The epoch in which it was made.
    pub epoch: u64,
    /// Where it begins; 0 if it begins its segment.
    pub start: u64,
    /// Where the log is behind it.
    pub position: Position,
    /// What is written, in order. Empty if the group changes nothing.
    pub pieces: Vec<Bytes>,
    /// What it changes in the index.
    pub changes: Vec<Change>,
    /// What to tell.
    pub notices: Vec<Notice>,
    /// Whom to answer, and what unless it succeeds.
    pub jobs: Vec<(Box<dyn Job>, Result<(), WriteError>)>,
}

impl Group {
    /// Answers everybody that it did not happen. Closures that had already failed keep their reason only if the
    /// store is not to blame, since they may have seen what did not happen either.
    pub fn refuse(self, state: &State) {
        for (job, _) in self.jobs {
            job.answer(Err(state.refusal()));
        }
    }

    /// Answers everybody that it did.
    pub fn confirm(self) {
        let receipt = Receipt::new(self.position.sequence);
        for (job, outcome) in self.jobs {
            job.answer(outcome.map(|()| receipt));
        }
    }
}

/// A group that still takes transactions.
pub struct Draft {
    sequence: u64,
    segment: u64,
    /// Where the group begins; 0 if it begins its segment.
    start: u64,
    /// Where the next record goes.
    end: u64,
    pieces: Vec<Bytes>,
    rows: Rows,
    counts: BTreeMap<BlobHash, u32>,
    octets: usize,
    transactions: u32,
    notices: Vec<Notice>,
    jobs: Vec<(Box<dyn Job>, Result<(), WriteError>)>,
}

impl Draft {
    /// Begins the group `sequence` at `start` of a segment; 0 if it begins the segment.
    pub fn new(sequence: u64, segment: u64, start: u64) -> Draft {
        Draft {
            sequence,
            segment,
            start,
            end: start.max(HEADER_OCTETS),
            pieces: Vec::new(),
            rows: Rows::new(),
            counts: BTreeMap::new(),
            octets: 0,
            transactions: 0,
            notices: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// Its number.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Octets of rows and blobs so far.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Transactions so far, also those that failed.
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Whether it changes anything.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.counts.is_empty()
    }

    /// Takes a transaction that did nothing.
    pub fn fail(&mut self, job: Box<dyn Job>, error: WriteError) {
        self.jobs.push((job, Err(error)));
    }

    /// Takes a transaction in, and returns the rows that those after it must see.
    pub fn absorb(&mut self, job: Box<dyn Job>, effects: Effects, usage: &mut Usage) -> Rows {
        let mut visible = effects.rows;
        for (hash, change) in effects.blobs {
            if let Some(row) = self.absorb_blob(hash, change, usage) {
                visible.insert(rows::blob_key(&hash), row);
            }
        }
        for (key, value) in &visible {
            self.octets += key.len() + value.as_ref().map_or(0, Bytes::len);
            self.rows.insert(key.clone(), value.clone());
        }
        self.notices.extend(effects.notices);
        self.transactions += 1;
        self.jobs.push((job, Ok(())));
        visible
    }

    /// The blob's new row, if it changes.
    fn absorb_blob(&mut self, hash: BlobHash, change: BlobChange, usage: &mut Usage) -> Option<Option<Bytes>> {
        let location = match (change.before, &change.body) {
            _ if change.count == 0 => None,
            (_, Some(body)) => {
                let prefix = record::encode_blob_prefix(self.sequence, body);
                let octets = u32::try_from(body.len()).expect("blobs are bounded far below 4 GiB");
                let location = Location { segment: self.segment, offset: self.end, octets };
                self.end += (prefix.len() + body.len()) as u64;
                self.octets += body.len();
                self.pieces.extend([prefix, body.bytes().clone()]);
                Some(location)
            }
            (Some(before), None) => Some(before.location),
            (None, None) => None,
        };
        let after = location.map(|location| BlobRow { location, count: change.count });
        if after == change.before {
            return None;
        }
        usage.change(change.before.as_ref(), after.as_ref());
        self.counts.insert(hash, after.map_or(0, |row| row.count));
        Some(after.map(|row| row.encode().into()))
    }

    /// Ends the group: makes the commit record, and the header if it begins a segment.
    pub fn finish(mut self, epoch: u64, now: Timestamp, usage: &mut Usage) -> Group {
        let mut position = Position { sequence: self.sequence, segment: self.segment, offset: self.end };
        if self.is_empty() {
            self.pieces.clear();
        } else {
            let payload = self.commit(now).encode();
            self.pieces.push(record::encode(Kind::Commit, self.sequence, &payload));
            position.offset += self.pieces.last().map_or(0, |record| record.len() as u64);
            if self.start == 0 {
                let header = Header { segment: self.segment, first_sequence: self.sequence, made: now };
                self.pieces.insert(0, Bytes::copy_from_slice(&header.encode()));
            }
        }
        usage.write_changes(&mut self.rows);
        Group {
            epoch,
            start: self.start,
            position,
            pieces: self.pieces,
            changes: self.rows.into_iter().collect(),
            notices: self.notices,
            jobs: self.jobs,
        }
    }

    fn commit(&self, now: Timestamp) -> Commit {
        let rows = self.rows.iter().filter(|(key, _)| !rows::is_derived(key)).map(|(key, value)| match value {
            Some(value) => commit::Change::Put(key.clone(), value.clone()),
            None => commit::Change::Delete(key.clone()),
        });
        let blobs = self.counts.iter().map(|(hash, count)| commit::Change::Blob(*hash, *count));
        Commit { time: now, transactions: self.transactions, changes: rows.chain(blobs).collect() }
    }
}
