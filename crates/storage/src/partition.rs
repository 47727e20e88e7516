//! One folder, one log, one index: the unit of placement, damage and scale.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::BlobHash;

use crate::blob::Blob;
use crate::check::{CheckProgress, CheckReport, CompactReport, RepairReport};
use crate::disk::Disk;
use crate::error::{Abort, Error};
use crate::key::{KeyRange, Space};
use crate::notice::Observer;
use crate::options::Options;
use crate::pending::Pending;
use crate::read::{Page, Read, Scan};
use crate::transaction::Transaction;

/// An open partition. Cheap to clone; closed when the last clone is dropped, or by [`Partition::close`].
#[derive(Clone)]
pub struct Partition {
    inner: Arc<()>,
}

impl Partition {
    /// Opens the partition in the folder `path`, or makes a new one there. Replays what the index has not seen.
    pub fn open(_path: &Path, _options: Options, _disk: Arc<dyn Disk>) -> Result<Partition, Error> {
        Ok(Partition { inner: Arc::new(()) })
    }

    /// A new partition that leaves no trace, for tests of the crates above.
    pub fn in_memory() -> Result<Partition, Error> {
        Ok(Partition { inner: Arc::new(()) })
    }

    /// Rebuilds the index of a closed partition from the newest good snapshot and the log, lists what cannot be
    /// saved, and keeps damaged files beside the good ones.
    pub fn repair(
        _path: &Path,
        _options: Options,
        _disk: Arc<dyn Disk>,
        _progress: &mut dyn FnMut(CheckProgress),
    ) -> Result<RepairReport, Error> {
        Ok(RepairReport::default())
    }

    /// What is committed now. Keep it short: it holds back the index's own write-ahead log.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot {})
    }

    /// Runs `work` after all transactions handed in before it. It must be quick: all others wait meanwhile.
    pub fn write<R, F>(&self, _work: F) -> Pending<R>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<R, Abort> + Send + 'static,
        R: Send + 'static,
    {
        unreachable!()
    }

    /// The space of this name; made, durably, when it is new. Blocks.
    pub fn space(&self, _name: &str) -> Result<Space, Error> {
        Ok(Space(1))
    }

    /// A whole blob, its checksum verified.
    pub fn blob(&self, hash: &BlobHash) -> Result<Blob, Error> {
        Err(Error::NoBlob(*hash))
    }

    /// Octets `range` of a blob, cut off at its end; the checksums of the blocks they lie in are verified.
    pub fn blob_range(&self, hash: &BlobHash, _range: Range<u64>) -> Result<Bytes, Error> {
        Err(Error::NoBlob(*hash))
    }

    /// How many octets a stored blob has.
    pub fn blob_octets(&self, hash: &BlobHash) -> Result<u64, Error> {
        Err(Error::NoBlob(*hash))
    }

    /// Tells `observer` of every commit from now on.
    pub fn subscribe(&self, _observer: Arc<dyn Observer>) {}

    /// Verifies every checksum, location, count and the index of the live store.
    pub fn check(&self, _progress: &mut dyn FnMut(CheckProgress)) -> Result<CheckReport, Error> {
        Ok(CheckReport::default())
    }

    /// Rewrites segments that are mostly dead, online. Loses nothing wherever it is interrupted.
    pub fn compact(&self, _progress: &mut dyn FnMut(CheckProgress)) -> Result<CompactReport, Error> {
        Ok(CompactReport::default())
    }

    /// How the partition fares.
    pub fn status(&self) -> PartitionStatus {
        PartitionStatus::default()
    }

    /// Finishes what was handed in, brings the index to rest and gives the lock back. Other clones answer `Closed`.
    pub fn close(self) {
        drop(self.inner);
    }
}

/// How a partition fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The last group that is durable and readable.
    pub sequence: u64,
    /// Segments of the log.
    pub segments: u64,
    /// Octets of the log.
    pub log_octets: u64,
    /// Octets of blobs that are still held.
    pub live_octets: u64,
    /// Transactions that wait for the executor.
    pub waiting: usize,
    /// Transactions committed since the opening.
    pub transactions: u64,
    /// Groups (synchronisations) since the opening.
    pub groups: u64,
    /// Whether writes are refused because the disk is full.
    pub is_full: bool,
    /// Why the partition takes no more writes until it is opened again.
    pub stopped: Option<String>,
}

/// A consistent view of all rows. `Send`, but used by one thread at a time.
pub struct Snapshot {}

/// A stored blob and its references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobCount {
    /// Its name.
    pub hash: BlobHash,
    /// How many references hold it.
    pub count: u32,
    /// Its octets.
    pub octets: u64,
}

impl Snapshot {
    /// The group up to which this snapshot has seen everything.
    pub fn sequence(&self) -> u64 {
        0
    }

    /// Up to `limit` stored blobs behind `after`, in the order of their hashes: for the checks of the crates above.
    pub fn blobs(&self, _after: Option<BlobHash>, _limit: usize) -> Result<Vec<BlobCount>, Error> {
        Ok(Vec::new())
    }
}

impl Read for Snapshot {
    fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn scan(&self, _range: KeyRange, _options: Scan) -> Result<Page, Error> {
        Ok(Page::default())
    }
}
