//! What a closure can do: read everything before it, change rows and blobs, tell others.

use std::marker::PhantomData;

use model::{BlobHash, Timestamp};

use crate::blob::NewBlob;
use crate::error::Error;
use crate::key::KeyRange;
use crate::notice::Notice;
use crate::read::{Page, Read, Scan};

/// One running transaction. Nothing of it happens unless its closure returns `Ok`.
///
/// A key or value over its limit fails the whole transaction when the closure returns.
pub struct Transaction<'a> {
    base: PhantomData<&'a ()>,
}

impl Read for Transaction<'_> {
    fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        unreachable!()
    }

    fn scan(&self, _range: KeyRange, _options: Scan) -> Result<Page, Error> {
        unreachable!()
    }
}

impl Transaction<'_> {
    /// Writes a row.
    pub fn put(&mut self, _key: impl Into<Vec<u8>>, _value: impl Into<Vec<u8>>) {}

    /// Removes a row, if it is there.
    pub fn delete(&mut self, _key: impl Into<Vec<u8>>) {}

    /// Removes all rows of the range. Costs a scan; a transaction changes at most `limits::TRANSACTION_ROWS_MAX` rows.
    pub fn delete_range(&mut self, _range: KeyRange) {}

    /// Adds to a counter row (i64, little-endian; a missing row is 0) and returns the new value.
    /// A row that is no counter fails the transaction; a sum out of range stays at the end of the range.
    pub fn add(&mut self, _key: impl Into<Vec<u8>>, _delta: i64) -> i64 {
        0
    }

    /// Holds the blob with one more reference, and stores it if it is not stored yet.
    pub fn blob(&mut self, _blob: &NewBlob) {}

    /// Holds a stored blob with one more reference.
    pub fn link(&mut self, _hash: &BlobHash) -> Result<(), Error> {
        Ok(())
    }

    /// Gives one reference up; without any the blob is gone. A blob that is not stored is an error.
    pub fn unlink(&mut self, _hash: &BlobHash) -> Result<(), Error> {
        Ok(())
    }

    /// Whether the blob is stored, and by how many references it is held.
    pub fn references(&self, _hash: &BlobHash) -> Result<u32, Error> {
        Ok(0)
    }

    /// Tells the observers, once durable.
    pub fn notify(&mut self, _notice: Notice) {}

    /// When this transaction happens; never earlier than one before it.
    pub fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}
