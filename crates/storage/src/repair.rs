//! Rebuilding a closed partition: from its index if that is whole, else from a snapshot, else from the log alone; then
//! everything of the log that can be read. What cannot be saved is listed, and nothing is thrown away.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use model::{BlobHash, Timestamp};

use crate::blob::{BlobRow, Location};
use crate::bodies::Bodies;
use crate::check::{CheckProgress, Finding, RepairReport};
use crate::error::Error;
use crate::index::{Change, Index};
use crate::key::KeyRange;
use crate::limits::FINDINGS_MAX;
use crate::log::record::blob_record_octets;
use crate::log::scan::Scanner;
use crate::log::segment::{HEADER_OCTETS, Header, HeaderFault, OpenSegment};
use crate::log::walk::{Walked, blobs_of, walk};
use crate::opening::Place;
use crate::replay::Replay;
use crate::rows::{self, Position, SegmentUsage};
use crate::usage::each_row;

impl RepairReport {
    fn find(&mut self, lost: bool, text: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { text, lost });
        } else {
            self.more_findings += 1;
        }
    }
}

/// Repairs the closed partition at `place`.
pub(crate) fn repair(place: &Place, progress: &mut dyn FnMut(CheckProgress)) -> Result<RepairReport, Error> {
    let _lock = place.enter()?;
    let mut report = RepairReport::default();
    let segments = mend_headers(place, &mut report)?;
    let index = choose_index(place, &mut report)?;
    let end = salvage_log(place, &segments, index.as_ref(), &mut report, progress)?;
    salvage_blobs(place, &segments, index.as_ref(), &mut report, progress)?;
    write_usages(index.as_ref(), end)?;
    let view = index.view()?;
    each_row(view.as_ref(), KeyRange::prefix(&[]), &mut |_| {
        report.rows += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    place.dumps.write(place.disk.as_ref(), view.as_ref())?;
    drop(view);
    index.settle()?;
    Ok(report)
}

/// Opens all segments. A header that cannot be read is made again from the file's name and its first record.
fn mend_headers(place: &Place, report: &mut RepairReport) -> Result<Vec<u64>, Error> {
    let disk = place.disk.as_ref();
    let (numbers, _) = place.log.list(disk)?;
    let mut usable = Vec::new();
    for number in numbers {
        match place.log.open(disk, number)? {
            Ok(_) => usable.push(number),
            Err(HeaderFault::Format(found)) => {
                let (path, found) = (place.log.file(number), format!("version {found}"));
                return Err(Error::UnknownFormat { path, found, known: crate::log::segment::FORMAT });
            }
            Err(HeaderFault::Torn) => match mend_header(place, number)? {
                true => {
                    report.find(false, format!("segment {number:016x}: its header was made again"));
                    usable.push(number);
                }
                false => {
                    let (from, to) = (place.log.file(number), place.log.torn_file(number));
                    disk.rename(&from, &to).map_err(|source| Error::io("renaming", &from, source))?;
                    report.find(true, format!("segment {number:016x}: nothing in it can be read; it is put aside"));
                }
            },
        }
    }
    Ok(usable)
}

fn mend_header(place: &Place, number: u64) -> Result<bool, Error> {
    let path = place.log.file(number);
    let io = |operation| {
        let path = path.clone();
        move |source| Error::io(operation, &path, source)
    };
    let file = place.disk.open(&path).map_err(io("opening"))?;
    let octets = file.octets().map_err(io("reading"))?;
    let header = Header { segment: number, first_sequence: 0, made: Timestamp(0) };
    let segment = OpenSegment { header, file, octets, path: path.clone() };
    let mut scanner = Scanner::new(&segment, 0);
    if octets <= HEADER_OCTETS || !scanner.skip_damage(HEADER_OCTETS - 1)? {
        return Ok(false);
    }
    let Some(record) = scanner.record(scanner.at())? else { return Ok(false) };
    let header = Header { segment: number, first_sequence: record.sequence, made: Timestamp(0) };
    segment.file.write_at(0, &mut [IoSlice::new(&header.encode())]).map_err(io("writing"))?;
    segment.file.sync().map_err(io("synchronising"))?;
    Ok(true)
}

/// The index if it is whole, else one made from the newest whole snapshot, else an empty one.
fn choose_index(place: &Place, report: &mut RepairReport) -> Result<Arc<dyn Index>, Error> {
    match whole_index(place) {
        Ok(Some(index)) => {
            "the index as it was".clone_into(&mut report.source);
            return Ok(index);
        }
        Ok(None) => {}
        Err(error @ (Error::Corrupt { .. } | Error::Row(_) | Error::Index { .. })) => {
            report.find(false, format!("{error}; it was put aside"));
        }
        Err(error) => return Err(error),
    }
    let disk = place.disk.as_ref();
    for sequence in place.dumps.list(disk)? {
        let index = place.new_index()?;
        if place.dumps.load(disk, sequence, index.as_ref())? {
            report.source = format!("the snapshot of the index at group {sequence}");
            return Ok(index);
        }
        report.find(false, format!("snapshot {sequence:016x} of the index is damaged"));
    }
    "the log alone".clone_into(&mut report.source);
    place.new_index()
}

fn whole_index(place: &Place) -> Result<Option<Arc<dyn Index>>, Error> {
    let index = place.open_index()?;
    let faults = index.check()?;
    if let Some(first) = faults.first() {
        return Err(Error::Corrupt { what: "the index", location: first.clone() });
    }
    let has_position = index.view()?.position()?.is_some();
    Ok(has_position.then_some(index))
}

/// Applies every group behind the index's position that can be read. Returns where the log ends.
fn salvage_log(
    place: &Place,
    segments: &[u64],
    index: &dyn Index,
    report: &mut RepairReport,
    progress: &mut dyn FnMut(CheckProgress),
) -> Result<Position, Error> {
    let mut replay = Replay::new(index)?;
    let begin = replay.position();
    let mut sequence = begin.sequence;
    let mut end = Position { sequence, segment: 0, offset: 0 };
    for (done, number) in (0..).zip(segments.iter().copied()) {
        progress(CheckProgress { stage: "reading the log", done, total: segments.len() as u64 });
        let Ok(segment) = place.log.open(place.disk.as_ref(), number)? else { continue };
        end = Position { sequence, segment: number, offset: segment.octets };
        let first = segment.header.first_sequence;
        if first > sequence + 1 {
            report.find(
                true,
                format!("groups {} to {} are missing before segment {number:016x}", sequence + 1, first - 1),
            );
        }
        walk(&segment, &mut |walked| {
            match walked {
                Walked::Group(group) if group.sequence > begin.sequence => {
                    sequence = sequence.max(group.sequence);
                    replay.apply(number, group)?;
                }
                Walked::Group(_) => {}
                Walked::Damage { from, to } => {
                    report.find(true, format!("segment {number:016x}: octets {from} to {to} cannot be read"));
                }
                Walked::Torn { from } => {
                    let text = "at most one group, which was never acknowledged unless the disk is damaged";
                    report.find(false, format!("segment {number:016x}: it cannot be read from {from} on: {text}"));
                }
            }
            Ok(())
        })?;
        end.sequence = sequence;
    }
    if begin.segment > end.segment || (begin.segment == end.segment && begin.offset > end.offset) {
        report.find(true, format!("the log ends before group {}, which the index has reached", begin.sequence));
    }
    report.groups = replay.groups();
    if replay.groups() > 0 {
        replay.flush()?;
    }
    Ok(end)
}

/// Looks for another copy of every blob that cannot be read where it should be.
fn salvage_blobs(
    place: &Place,
    segments: &[u64],
    index: &dyn Index,
    report: &mut RepairReport,
    progress: &mut dyn FnMut(CheckProgress),
) -> Result<(), Error> {
    let bodies = Bodies::new(Arc::clone(&place.disk), place.log.clone());
    let mut missing: BTreeMap<BlobHash, BlobRow> = BTreeMap::new();
    let mut done = 0;
    each_row(index.view()?.as_ref(), rows::blob_range(), &mut |(key, value)| {
        progress(CheckProgress { stage: "reading blobs", done, total: 0 });
        done += 1;
        let hash = rows::blob_of_key(&key).ok_or(Error::Row("blobs"))?;
        let row = BlobRow::decode(&value).ok_or(Error::Row("blobs"))?;
        match bodies.read(&hash, row.location) {
            Ok(Some(_)) => {}
            Ok(None) | Err(Error::Corrupt { .. }) => {
                missing.insert(hash, row);
            }
            Err(error) => return Err(error),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<BlobHash> = missing.keys().copied().collect();
    let mut found: BTreeMap<BlobHash, Location> = BTreeMap::new();
    for number in segments {
        let Ok(segment) = place.log.open(place.disk.as_ref(), *number)? else { continue };
        found.extend(blobs_of(&segment)?.into_iter().filter(|(hash, _)| wanted.contains(hash)));
    }
    let mut changes: Vec<Change> = Vec::new();
    for (hash, row) in missing {
        match found.get(&hash) {
            Some(location) => {
                report.find(false, format!("blob {hash} was found elsewhere in the log"));
                let row = BlobRow { location: *location, count: row.count };
                changes.push((rows::blob_key(&hash), Some(row.encode().into())));
            }
            None => report.find(true, format!("blob {hash} cannot be read; {} references hold it", row.count)),
        }
    }
    index.apply(&changes, None)
}

/// Counts the usage of all segments anew and notes where the log ends.
fn write_usages(index: &dyn Index, end: Position) -> Result<(), Error> {
    let view = index.view()?;
    let mut usages: BTreeMap<Bytes, SegmentUsage> = BTreeMap::new();
    let mut changes: Vec<Change> = Vec::new();
    each_row(view.as_ref(), rows::usage_range(), &mut |(key, _)| {
        changes.push((key.into(), None));
        Ok(ControlFlow::Continue(()))
    })?;
    each_row(view.as_ref(), rows::blob_range(), &mut |(_, value)| {
        let row = BlobRow::decode(&value).ok_or(Error::Row("blobs"))?;
        let usage = usages.entry(rows::usage_key(row.location.segment)).or_default();
        usage.blobs += 1;
        usage.octets += blob_record_octets(row.location.octets);
        Ok(ControlFlow::Continue(()))
    })?;
    drop(view);
    changes.extend(usages.into_iter().map(|(key, usage)| (key, Some(usage.encode().into()))));
    index.apply(&changes, Some(end))
}
