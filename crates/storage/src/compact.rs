//! Rewrites segments that are mostly dead: copies what is held to the end of the log, then removes them.
//!
//! A segment is removed only when (1) no blob row points there, durably: the copies are in the log behind it, and (2)
//! every kept snapshot of the index is behind it, so that no way of opening needs its row changes. Until then an
//! interruption leaves the old copy in use, or an unused one that the next run removes.

use crate::blob::{Location, NewBlob};
use crate::check::{CheckProgress, CompactReport};
use crate::error::{Error, WriteError};
use crate::log::segment::{HEADER_OCTETS, OpenSegment};
use crate::log::walk::blobs_of;
use crate::store::Store;
use crate::usage::Usage;
use model::BlobHash;

/// Octets of blobs that are copied in one transaction.
const MOVE_OCTETS: u64 = 4 * 1024 * 1024;

/// Writes a snapshot of the index, then rewrites what is worth it.
pub fn compact(store: &Store, progress: &mut dyn FnMut(CheckProgress)) -> Result<CompactReport, Error> {
    let _held = store.hold_segments();
    progress(CheckProgress { stage: "writing a snapshot of the index", done: 0, total: 0 });
    let covered = cover(store)?;
    let disk = store.place.disk.as_ref();
    let (segments, _) = store.place.log.list(disk)?;
    let usage = Usage::load(store.view()?.as_ref())?;
    let candidates: Vec<u64> = segments.into_iter().filter(|segment| *segment < covered).collect();
    let total = candidates.len() as u64;
    let mut report = CompactReport::default();
    for (done, number) in (0..).zip(candidates) {
        progress(CheckProgress { stage: "rewriting segments", done, total });
        let opened = store.place.log.open(disk, number)?;
        let Ok(segment) = opened else {
            tracing::warn!(segment = number, "a segment with a damaged header is left as it is");
            continue;
        };
        let share = u64::from(store.place.options.rewrite_below_percent);
        let held = usage.of(number).octets;
        if held.saturating_mul(100) >= segment.octets.saturating_sub(HEADER_OCTETS).saturating_mul(share) && held > 0 {
            continue;
        }
        rewrite(store, &segment, &mut report)?;
    }
    Ok(report)
}

/// Writes a snapshot if something happened since the last, and says before which segment all of them are.
fn cover(store: &Store) -> Result<u64, Error> {
    let disk = store.place.disk.as_ref();
    let dumps = &store.place.dumps;
    let newest = dumps.list(disk)?.first().copied();
    if newest != Some(store.applied().sequence) {
        dumps.write(disk, store.view()?.as_ref())?;
    }
    if let Some(newest) = dumps.list(disk)?.first()
        && !dumps.verify(disk, *newest)?
    {
        return Err(Error::Corrupt { what: "a snapshot of the index", location: format!("number {newest:016x}") });
    }
    let mut covered = u64::MAX;
    for sequence in dumps.list(disk)? {
        // A snapshot that cannot be used does not count, but neither does it protect anything.
        if let Some(position) = dumps.position(disk, sequence)? {
            covered = covered.min(position.segment);
        }
    }
    Ok(if covered == u64::MAX { 0 } else { covered })
}

fn rewrite(store: &Store, segment: &OpenSegment, report: &mut CompactReport) -> Result<(), Error> {
    let number = segment.header.segment;
    let mut batch: Vec<(Location, NewBlob)> = Vec::new();
    let mut batch_octets = 0;
    for (hash, location) in blobs_of(segment)? {
        if !points_to(store, &hash, location)? {
            continue;
        }
        let body = match store.bodies.read(&hash, location) {
            Ok(Some(body)) => body,
            Ok(None) => continue,
            Err(error @ Error::Corrupt { .. }) => {
                tracing::warn!(%error, "a damaged blob is left where it is, and its segment with it");
                continue;
            }
            Err(error) => return Err(error),
        };
        batch_octets += body.len() as u64;
        batch.push((location, NewBlob::with_hash(hash, body)));
        if batch_octets >= MOVE_OCTETS {
            report.octets_moved += relocate(store, std::mem::take(&mut batch))?;
            batch_octets = 0;
        }
    }
    report.octets_moved += relocate(store, batch)?;
    // Asked again, of the index as it is now: the usage row alone must never decide that something is thrown away.
    let left = Usage::load(store.view()?.as_ref())?.of(number);
    if left.blobs > 0 {
        tracing::warn!(segment = number, blobs = left.blobs, "a segment keeps blobs that could not be moved");
        return Ok(());
    }
    for (hash, location) in blobs_of(segment)? {
        if points_to(store, &hash, location)? {
            return Ok(());
        }
    }
    if store.shared.lock().is_closing {
        return Err(Error::Closed);
    }
    let path = store.place.log.file(number);
    store.bodies.forget(number);
    store.place.disk.remove(&path).map_err(|source| Error::io("removing", &path, source))?;
    let folder = store.place.log.path();
    store.place.disk.sync_folder(folder).map_err(|source| Error::io("synchronising", folder, source))?;
    report.segments += 1;
    report.octets_freed += segment.octets;
    Ok(())
}

fn points_to(store: &Store, hash: &BlobHash, location: Location) -> Result<bool, Error> {
    match store.blob_row(hash) {
        Ok(row) => Ok(row.location == location),
        Err(Error::NoBlob(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Copies blobs to the end of the log, except those that went or moved meanwhile. Returns the octets copied.
fn relocate(store: &Store, batch: Vec<(Location, NewBlob)>) -> Result<u64, Error> {
    if batch.is_empty() {
        return Ok(0);
    }
    let pending = store.write(move |transaction| {
        let mut octets = 0;
        for (from, blob) in &batch {
            if transaction.relocate(*from, blob)? {
                octets += blob.len() as u64;
            }
        }
        Ok(octets)
    });
    pending.wait().map(|committed| committed.value).map_err(|error| match error {
        WriteError::Storage(error) => error,
        WriteError::NoSpace => Error::NoSpace { operation: "rewriting a segment" },
        _ => Error::Closed,
    })
}
