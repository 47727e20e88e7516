//! Follows the log into an index: at opening, in repairs, and nowhere else.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::BlobHash;

use crate::blob::{BlobRow, Location};
use crate::error::Error;
use crate::index::{Index, View};
use crate::log::commit::Change;
use crate::log::scan::StoredGroup;
use crate::overlay::Rows;
use crate::rows::{self, Position};
use crate::usage::Usage;

/// Rows are handed to the index when so many octets have gathered.
const BATCH_OCTETS: usize = 4 * 1024 * 1024;

/// Applies stored groups in order.
pub struct Replay<'a> {
    index: &'a dyn Index,
    latest: Box<dyn View>,
    usage: Usage,
    rows: Rows,
    octets: usize,
    position: Position,
    groups: u64,
    homeless: Vec<BlobHash>,
}

impl<'a> Replay<'a> {
    /// Goes on where the index is.
    pub fn new(index: &'a dyn Index) -> Result<Replay<'a>, Error> {
        let latest = index.latest()?;
        let position = latest.position()?.unwrap_or_default();
        let usage = Usage::load(latest.as_ref())?;
        Ok(Replay { index, latest, usage, rows: Rows::new(), octets: 0, position, groups: 0, homeless: Vec::new() })
    }

    /// How far it has come.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many groups it has applied.
    pub fn groups(&self) -> u64 {
        self.groups
    }

    /// Blobs that a commit holds and that no record was found for.
    pub fn homeless(&self) -> &[BlobHash] {
        &self.homeless
    }

    /// Applies a group that stands in `segment`. One that was applied before does no harm if none came between.
    pub fn apply(&mut self, segment: u64, group: StoredGroup) -> Result<(), Error> {
        let stored: BTreeMap<BlobHash, Location> = group.blobs.iter().copied().collect();
        for change in group.commit.changes {
            match change {
                Change::Put(key, value) => self.set(key, Some(value)),
                Change::Delete(key) => self.set(key, None),
                Change::Blob(hash, count) => self.apply_blob(hash, count, stored.get(&hash))?,
            }
        }
        self.position = Position { sequence: group.sequence, segment, offset: group.end };
        self.groups += 1;
        if self.octets > BATCH_OCTETS {
            self.flush()?;
        }
        Ok(())
    }

    fn apply_blob(&mut self, hash: BlobHash, count: u32, stored: Option<&Location>) -> Result<(), Error> {
        let key = rows::blob_key(&hash);
        let before = match self.rows.get(&key) {
            Some(row) => row.as_ref().map(|row| row.to_vec()),
            None => self.latest.get(&key)?,
        };
        let before = before.as_deref().map(|row| BlobRow::decode(row).ok_or(Error::Row("blobs"))).transpose()?;
        let after = if count == 0 {
            None
        } else {
            let location = stored.copied().or(before.map(|row| row.location)).unwrap_or_else(|| {
                self.homeless.push(hash);
                Location { segment: 0, offset: 0, octets: 0 }
            });
            Some(BlobRow { location, count })
        };
        self.usage.change(before.as_ref(), after.as_ref());
        self.set(key, after.map(|row| row.encode().into()));
        Ok(())
    }

    fn set(&mut self, key: Bytes, value: Option<Bytes>) {
        self.octets += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.rows.insert(key, value);
    }

    /// Hands what has gathered to the index.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.usage.write_changes(&mut self.rows);
        let changes: Vec<_> = std::mem::take(&mut self.rows).into_iter().collect();
        self.octets = 0;
        self.index.apply(&changes, Some(self.position))
    }
}
