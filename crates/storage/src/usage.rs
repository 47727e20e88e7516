//! How much of each segment is still held: decides which segments are worth rewriting.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::blob::{BlobRow, Location};
use crate::error::Error;
use crate::index::View;
use crate::limits::PAGE_ROWS_MAX;
use crate::log::record::blob_record_octets;
use crate::overlay::Rows;
use crate::read::{Row, Scan};
use crate::rows::{self, SegmentUsage};

/// The usage of all segments, and which of them changed since they were last written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    segments: BTreeMap<u64, SegmentUsage>,
    touched: BTreeSet<u64>,
}

impl Usage {
    /// Reads the usage rows.
    pub fn load(view: &dyn View) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        each_row(view, rows::usage_range(), &mut |(key, value)| {
            let segment = rows::segment_of_key(&key).ok_or(Error::Row("segment usages"))?;
            let row = SegmentUsage::decode(&value).ok_or(Error::Row("segment usages"))?;
            usage.segments.insert(segment, row);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(usage)
    }

    /// Notes that a blob's row changes.
    pub fn change(&mut self, before: Option<&BlobRow>, after: Option<&BlobRow>) {
        let (before, after) = (before.map(|row| row.location), after.map(|row| row.location));
        if before == after {
            return;
        }
        if let Some(location) = before {
            let usage = self.touch(&location);
            usage.blobs = usage.blobs.saturating_sub(1);
            usage.octets = usage.octets.saturating_sub(blob_record_octets(location.octets));
        }
        if let Some(location) = after {
            let usage = self.touch(&location);
            usage.blobs += 1;
            usage.octets += blob_record_octets(location.octets);
        }
    }

    fn touch(&mut self, location: &Location) -> &mut SegmentUsage {
        self.touched.insert(location.segment);
        self.segments.entry(location.segment).or_default()
    }

    /// Adds the rows of what changed since the last call. A segment of which nothing is held has no row.
    pub fn write_changes(&mut self, into: &mut Rows) {
        for segment in std::mem::take(&mut self.touched) {
            let usage = self.segments.get(&segment).copied().unwrap_or_default();
            if usage == SegmentUsage::default() {
                self.segments.remove(&segment);
                into.insert(rows::usage_key(segment), None);
            } else {
                into.insert(rows::usage_key(segment), Some(usage.encode().into()));
            }
        }
    }

    /// The usage of one segment.
    pub fn of(&self, segment: u64) -> SegmentUsage {
        self.segments.get(&segment).copied().unwrap_or_default()
    }

    /// Octets held in all segments.
    pub fn octets(&self) -> u64 {
        self.segments.values().map(|usage| usage.octets).sum()
    }
}

/// Shows every row of `range` in a view.
pub fn each_row(
    view: &dyn View,
    range: crate::key::KeyRange,
    visit: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut rest = Some(range);
    while let Some(range) = rest.take() {
        let page = view.scan(&range, Scan::first(PAGE_ROWS_MAX.min(2000)))?;
        rest = page.next.map(|next| range.resume(next, false));
        for row in page.rows {
            if visit(row)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
