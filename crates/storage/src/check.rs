//! Verifying a live store: every record of the log, every blob, every count, and the index against the log.

use std::collections::BTreeMap;

use crate::blob::{BlobRow, hash_of};
use crate::error::Error;
use crate::limits::FINDINGS_MAX;
use crate::log::segment::HeaderFault;
use crate::log::walk::{Walked, walk};
use crate::read::Scan;
use crate::rows::{self, Position, SegmentUsage};
use crate::store::Store;
use crate::usage::{Usage, each_row};
use model::BlobHash;
use std::ops::ControlFlow;

/// How far a long operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckProgress {
    /// What is being done now.
    pub stage: &'static str,
    /// Steps done in this stage: octets of log, or rows.
    pub done: u64,
    /// Steps of this stage in all; 0 if unknown.
    pub total: u64,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, in one line for a person.
    pub text: String,
    /// Whether something that was acknowledged cannot be read any more.
    pub lost: bool,
}

/// What a check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Segments read.
    pub segments: u64,
    /// Octets of log read.
    pub octets: u64,
    /// Records whose checksum was verified.
    pub records: u64,
    /// Blobs whose record, hash and count were verified.
    pub blobs: u64,
    /// Rows of the index, ours included.
    pub rows: u64,
    /// What is wrong; at most `limits::FINDINGS_MAX`.
    pub findings: Vec<Finding>,
    /// Findings beyond that.
    pub more_findings: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// What the index was made from, in words.
    pub source: String,
    /// Groups of the log that were applied.
    pub groups: u64,
    /// Rows in the index afterwards.
    pub rows: u64,
    /// What could not be saved, one by one; at most `limits::FINDINGS_MAX`.
    pub findings: Vec<Finding>,
    /// Findings beyond that.
    pub more_findings: u64,
}

/// What rewriting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Segments that were removed.
    pub segments: u64,
    /// Octets of live blobs that were copied.
    pub octets_moved: u64,
    /// Octets that the disk got back.
    pub octets_freed: u64,
}

impl CheckReport {
    fn find(&mut self, lost: bool, text: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { text, lost });
        } else {
            self.more_findings += 1;
        }
    }
}

/// Checks a live store. Segments are not rewritten meanwhile; everything else goes on.
pub(crate) fn check(store: &Store, progress: &mut dyn FnMut(CheckProgress)) -> Result<CheckReport, Error> {
    let _held = store.hold_segments();
    let mut report = CheckReport::default();
    let end = store.applied();
    check_log(store, end, &mut report, progress)?;
    check_index(store, end, &mut report)?;
    check_blobs(store, &mut report, progress)?;
    check_snapshots(store, &mut report)?;
    Ok(report)
}

/// Every record up to `end`, and that no group is missing.
fn check_log(
    store: &Store,
    end: Position,
    report: &mut CheckReport,
    progress: &mut dyn FnMut(CheckProgress),
) -> Result<(), Error> {
    let disk = store.place.disk.as_ref();
    let (numbers, _) = store.place.log.list(disk)?;
    let numbers: Vec<u64> = numbers.into_iter().filter(|number| *number <= end.segment).collect();
    // Segments that the snapshots have passed may have been removed when they were rewritten.
    let covered = store.place.dumps.list(disk)?.first().copied().unwrap_or(0);
    let mut sequence = None;
    let total = numbers.len() as u64;
    for (done, number) in (0..).zip(numbers) {
        progress(CheckProgress { stage: "reading the log", done, total });
        let mut segment = match store.place.log.open(disk, number)? {
            Ok(segment) => segment,
            Err(HeaderFault::Torn | HeaderFault::Format(_)) => {
                report.find(true, format!("segment {number:016x}: its header cannot be read"));
                continue;
            }
        };
        if number == end.segment {
            segment.octets = segment.octets.min(end.offset);
        }
        report.segments += 1;
        report.octets += segment.octets;
        let first = segment.header.first_sequence;
        if let Some(last) = sequence.filter(|last| first > last + 1 && first > covered + 1) {
            report.find(true, format!("groups {} to {} are missing before segment {number:016x}", last + 1, first - 1));
        }
        let mut last = sequence;
        walk(&segment, &mut |walked| {
            match walked {
                Walked::Group(group) => {
                    report.records += group.records;
                    last = Some(group.sequence);
                }
                Walked::Damage { from, to } => {
                    report.find(true, format!("segment {number:016x}: octets {from} to {to} cannot be read"));
                }
                // What a power cut leaves of a group that was never acknowledged; if it was more, the next segment
                // shows that groups are missing. But up to where the index is, everything was acknowledged.
                Walked::Torn { from } if number == end.segment => {
                    report.find(true, format!("segment {number:016x}: it cannot be read from {from} on"));
                }
                Walked::Torn { .. } => {}
            }
            Ok(())
        })?;
        sequence = last.or(first.checked_sub(1));
    }
    if let Some(last) = sequence.filter(|last| *last < end.sequence) {
        report.find(true, format!("the log ends with group {last}, the index with {}", end.sequence));
    }
    Ok(())
}

fn check_index(store: &Store, end: Position, report: &mut CheckReport) -> Result<(), Error> {
    for line in store.index().check()? {
        report.find(true, format!("the index: {line}"));
    }
    let position = store.view()?.position()?.unwrap_or_default();
    if position < end {
        report.find(true, format!("the index is at group {}, the log at {}", position.sequence, end.sequence));
    }
    Ok(())
}

/// Every blob row: its record is there and whole, its hash is right, its count is not 0; and the usages add up.
fn check_blobs(store: &Store, report: &mut CheckReport, progress: &mut dyn FnMut(CheckProgress)) -> Result<(), Error> {
    let before = store.applied();
    let mut sums: BTreeMap<u64, SegmentUsage> = BTreeMap::new();
    let mut rest = Some(rows::blob_range());
    while let Some(range) = rest.take() {
        progress(CheckProgress { stage: "reading blobs", done: report.blobs, total: 0 });
        // Short views, so that the index's own log can be begun anew meanwhile.
        let page = store.view()?.scan(&range, Scan::first(500))?;
        rest = page.next.map(|next| range.resume(next, false));
        for (key, value) in page.rows {
            report.rows += 1;
            let (Some(hash), Some(row)) = (rows::blob_of_key(&key), BlobRow::decode(&value)) else {
                report.find(true, "a blob row cannot be read".to_owned());
                continue;
            };
            let usage = sums.entry(row.location.segment).or_default();
            usage.blobs += 1;
            usage.octets += crate::log::record::blob_record_octets(row.location.octets);
            check_blob(store, &hash, row, report)?;
        }
    }
    let view = store.view()?;
    let usage = Usage::load(view.as_ref())?;
    // While others write the two do not belong together.
    if view.position()?.unwrap_or_default() == before && store.applied() == before {
        for (segment, sum) in sums {
            if usage.of(segment) != sum {
                report
                    .find(false, format!("segment {segment:016x}: {:?} is noted, {sum:?} is held", usage.of(segment)));
            }
        }
        each_row(view.as_ref(), crate::key::KeyRange::prefix(&[]), &mut |(key, _)| {
            report.rows += u64::from(!key.starts_with(&rows::blob_range().start));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

fn check_blob(store: &Store, hash: &BlobHash, row: BlobRow, report: &mut CheckReport) -> Result<(), Error> {
    if row.count == 0 {
        report.find(false, format!("blob {hash} is held by nobody"));
    }
    report.blobs += 1;
    let text = match store.bodies.read(hash, row.location) {
        Ok(Some(body)) if hash_of(&body) == *hash => return Ok(()),
        Ok(Some(_)) => format!("blob {hash}: its octets have another hash"),
        Ok(None) => format!("blob {hash}: segment {:016x} is missing", row.location.segment),
        Err(error @ Error::Corrupt { .. }) => error.to_string(),
        Err(error) => return Err(error),
    };
    // It may have gone since the row was read; segments are not removed, but a blob may be given up.
    match store.blob_row(hash) {
        Ok(now) if now.location == row.location => report.find(true, text),
        Ok(_) | Err(Error::NoBlob(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn check_snapshots(store: &Store, report: &mut CheckReport) -> Result<(), Error> {
    let disk = store.place.disk.as_ref();
    for sequence in store.place.dumps.list(disk)? {
        if !store.place.dumps.verify(disk, sequence)? {
            report.find(false, format!("snapshot {sequence:016x} of the index is damaged"));
        }
    }
    Ok(())
}
