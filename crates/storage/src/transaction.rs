//! What a closure can do: read everything before it, change rows and blobs, tell others.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{BlobHash, Timestamp};

use crate::blob::{BlobRow, NewBlob};
use crate::error::Error;
use crate::index::View;
use crate::key::KeyRange;
use crate::limits::{BLOB_OCTETS_MAX, KEY_OCTETS_MAX, TRANSACTION_OCTETS_MAX, TRANSACTION_ROWS_MAX, VALUE_OCTETS_MAX};
use crate::notice::Notice;
use crate::overlay::{Layers, Overlay, Rows};
use crate::read::{Page, Read, Scan, decode_counter};
use crate::rows;

/// One running transaction. Nothing of it happens unless its closure returns `Ok`.
///
/// A key or value over its limit fails the whole transaction when the closure returns.
pub struct Transaction<'a> {
    overlay: &'a Overlay,
    index: &'a dyn View,
    now: Timestamp,
    octets: usize,
    failed: Option<Error>,
    effects: Effects,
}

/// What a transaction did.
#[derive(Default)]
pub(crate) struct Effects {
    /// Rows written and removed.
    pub rows: Rows,
    /// Blobs whose references changed.
    pub blobs: BTreeMap<BlobHash, BlobChange>,
    /// What to tell.
    pub notices: Vec<Notice>,
}

/// What a transaction did to one blob.
#[derive(Clone)]
pub(crate) struct BlobChange {
    /// What the index knew of it before.
    pub before: Option<BlobRow>,
    /// References afterwards.
    pub count: u32,
    /// Its octets, if they must be stored with this group.
    pub body: Option<NewBlob>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(overlay: &'a Overlay, index: &'a dyn View, now: Timestamp) -> Transaction<'a> {
        Transaction { overlay, index, now, octets: 0, failed: None, effects: Effects::default() }
    }

    /// What it did, or why it cannot be committed.
    pub(crate) fn finish(self) -> Result<Effects, Error> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.effects),
        }
    }

    /// Writes one of our own rows that belong into the log.
    pub(crate) fn put_own(&mut self, key: Bytes, value: Vec<u8>) {
        self.effects.rows.insert(key, Some(value.into()));
    }

    /// Stores a blob again whose record stands at `from`, unless it has gone or moved since. Returns whether it did.
    pub(crate) fn relocate(&mut self, from: crate::blob::Location, blob: &NewBlob) -> Result<bool, Error> {
        let Some(row) = self.blob_row(&blob.hash())? else { return Ok(false) };
        if row.location != from {
            return Ok(false);
        }
        let change = BlobChange { before: Some(row), count: row.count, body: Some(blob.clone()) };
        self.effects.blobs.insert(blob.hash(), change);
        Ok(true)
    }

    fn layers(&self) -> Layers<'_> {
        Layers { own: &self.effects.rows, overlay: self.overlay, index: self.index }
    }

    /// What the index will know of a blob before this transaction.
    fn blob_row(&self, hash: &BlobHash) -> Result<Option<BlobRow>, Error> {
        match self.layers().get(&rows::blob_key(hash))? {
            None => Ok(None),
            Some(row) => BlobRow::decode(&row).map(Some).ok_or(Error::Row("blobs")),
        }
    }

    /// The blob's change, begun if this transaction has not touched it yet.
    fn blob_change(&mut self, hash: &BlobHash) -> Result<&mut BlobChange, Error> {
        if !self.effects.blobs.contains_key(hash) {
            let before = self.blob_row(hash)?;
            let count = before.map_or(0, |row| row.count);
            self.effects.blobs.insert(*hash, BlobChange { before, count, body: None });
        }
        self.effects.blobs.get_mut(hash).ok_or(Error::NoBlob(*hash))
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if key.len() > KEY_OCTETS_MAX {
            return self.fail(Error::TooLarge { what: "a key", octets: key.len(), limit: KEY_OCTETS_MAX });
        }
        if rows::is_ours(&key) {
            return self.fail(Error::ReservedKey);
        }
        let value_octets = value.as_ref().map_or(0, Vec::len);
        if value_octets > VALUE_OCTETS_MAX {
            return self.fail(Error::TooLarge { what: "a value", octets: value_octets, limit: VALUE_OCTETS_MAX });
        }
        self.octets += key.len() + value_octets;
        self.effects.rows.insert(key.into(), value.map(Bytes::from));
        if self.octets > TRANSACTION_OCTETS_MAX {
            let limit = TRANSACTION_OCTETS_MAX;
            self.fail(Error::TooLarge { what: "a transaction", octets: self.octets, limit });
        } else if self.effects.rows.len() > TRANSACTION_ROWS_MAX {
            let (octets, limit) = (self.effects.rows.len(), TRANSACTION_ROWS_MAX);
            self.fail(Error::TooLarge { what: "the number of rows of a transaction", octets, limit });
        }
    }

    /// Writes a row.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.set(key.into(), Some(value.into()));
    }

    /// Removes a row, if it is there.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.set(key.into(), None);
    }

    /// Removes all rows of the range. Costs a scan; a transaction changes at most `limits::TRANSACTION_ROWS_MAX` rows.
    pub fn delete_range(&mut self, range: KeyRange) {
        let mut rest = Some(range);
        while let Some(range) = rest.take() {
            if self.failed.is_some() {
                return;
            }
            match self.scan(range.clone(), Scan::first(1000).keys_only()) {
                Err(error) => return self.fail(error),
                Ok(page) => {
                    rest = page.next.map(|next| range.resume(next, false));
                    page.rows.into_iter().for_each(|(key, _)| self.delete(key));
                }
            }
        }
    }

    /// Adds to a counter row (i64, little-endian; a missing row is 0) and returns the new value.
    /// A row that is no counter fails the transaction; a sum out of range stays at the end of the range.
    pub fn add(&mut self, key: impl Into<Vec<u8>>, delta: i64) -> i64 {
        let key = key.into();
        let before = match self.layers().get(&key) {
            Ok(None) => 0,
            Ok(Some(value)) => decode_counter(&value).unwrap_or_else(|| {
                self.fail(Error::Row("counters"));
                0
            }),
            Err(error) => {
                self.fail(error);
                0
            }
        };
        let sum = before.saturating_add(delta);
        self.put(key, sum.to_le_bytes());
        sum
    }

    /// Holds the blob with one more reference, and stores it if it is not stored yet.
    pub fn blob(&mut self, blob: &NewBlob) {
        if blob.len() > BLOB_OCTETS_MAX {
            return self.fail(Error::TooLarge { what: "a blob", octets: blob.len(), limit: BLOB_OCTETS_MAX });
        }
        match self.blob_change(&blob.hash()) {
            Err(error) => self.fail(error),
            Ok(change) => {
                if change.before.is_none() {
                    change.body.get_or_insert_with(|| blob.clone());
                }
                change.count = change.count.saturating_add(1);
            }
        }
    }

    /// Holds a stored blob with one more reference.
    pub fn link(&mut self, hash: &BlobHash) -> Result<(), Error> {
        let change = self.blob_change(hash)?;
        // At 0 it was given up by this very transaction, which still may take it back.
        if change.before.is_none() && change.body.is_none() {
            return Err(Error::NoBlob(*hash));
        }
        change.count = change.count.saturating_add(1);
        Ok(())
    }

    /// Gives one reference up; without any the blob is gone. A blob that is not stored is an error.
    pub fn unlink(&mut self, hash: &BlobHash) -> Result<(), Error> {
        let change = self.blob_change(hash)?;
        change.count = change.count.checked_sub(1).ok_or(Error::NoBlob(*hash))?;
        Ok(())
    }

    /// By how many references the blob is held; 0 if it is not stored.
    pub fn references(&self, hash: &BlobHash) -> Result<u32, Error> {
        match self.effects.blobs.get(hash) {
            Some(change) => Ok(change.count),
            None => Ok(self.blob_row(hash)?.map_or(0, |row| row.count)),
        }
    }

    /// Tells the observers, once durable.
    pub fn notify(&mut self, notice: Notice) {
        self.effects.notices.push(notice);
    }

    /// When this transaction happens; never earlier than one before it.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

impl Read for Transaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.layers().get(key)
    }

    fn scan(&self, range: KeyRange, options: Scan) -> Result<Page, Error> {
        self.layers().scan(&range, options)
    }
}
