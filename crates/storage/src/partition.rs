//! One folder, one log, one index: the unit of placement, damage and scale.

use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Weak};
use std::thread;

use bytes::Bytes;
use model::BlobHash;

use crate::blob::{Blob, BlobRow};
use crate::check::{CheckProgress, CheckReport, CompactReport, RepairReport, check};
use crate::compact::compact;
use crate::disk::{Disk, SimulatedDisk};
use crate::error::{Abort, Error, WriteError};
use crate::index::View;
use crate::key::{KeyRange, Space};
use crate::limits::{NAME_OCTETS_MAX, SPACES_MAX};
use crate::notice::Observer;
use crate::opening::Place;
use crate::options::{Engine, Options};
use crate::pending::Pending;
use crate::read::{Page, Read, Scan};
use crate::repair::repair;
use crate::rows;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::upkeep;
use crate::usage::Usage;

/// An open partition. Cheap to clone; closed when the last clone is dropped, or by [`Partition::close`].
#[derive(Clone)]
pub struct Partition {
    store: Arc<Store>,
}

impl Partition {
    /// Opens the partition in the folder `path`, or makes a new one there. Replays what the index has not seen.
    pub fn open(path: &Path, options: Options, disk: Arc<dyn Disk>) -> Result<Partition, Error> {
        let (to_upkeep, commits) = sync_channel(1);
        let store = Arc::new(Store::open(Place::new(path, options, disk), to_upkeep)?);
        let weak: Weak<Store> = Arc::downgrade(&store);
        let thread = thread::Builder::new().name("store-upkeep".to_owned());
        let started = thread.spawn(move || upkeep::run(&weak, &commits));
        started.map_err(|source| Error::io("starting a thread for", path, source))?;
        Ok(Partition { store })
    }

    /// A new partition that leaves no trace, for tests of the crates above.
    pub fn in_memory() -> Result<Partition, Error> {
        let options = Options { engine: Engine::Memory, reserve_octets: 0, ..Options::default() };
        Partition::open(Path::new("/partition"), options, Arc::new(SimulatedDisk::new()))
    }

    /// Rebuilds the index of a closed partition from the newest good snapshot and the log, lists what cannot be
    /// saved, and keeps damaged files beside the good ones.
    pub fn repair(
        path: &Path,
        options: Options,
        disk: Arc<dyn Disk>,
        progress: &mut dyn FnMut(CheckProgress),
    ) -> Result<RepairReport, Error> {
        repair(&Place::new(path, options, disk), progress)
    }

    /// What is committed now. Keep it short: it holds back the index's own write-ahead log.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let view = self.store.view()?;
        let sequence = view.position()?.unwrap_or_default().sequence;
        Ok(Snapshot { view, sequence })
    }

    /// Runs `work` after all transactions handed in before it. It must be quick: all others wait meanwhile.
    pub fn write<R, F>(&self, work: F) -> Pending<R>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<R, Abort> + Send + 'static,
        R: Send + 'static,
    {
        self.store.write(work)
    }

    /// The space of this name; made, durably, when it is new. Blocks.
    pub fn space(&self, name: &str) -> Result<Space, Error> {
        if name.is_empty() || name.len() > NAME_OCTETS_MAX {
            return Err(Error::Name(name.to_owned()));
        }
        if let Some(value) = self.store.view()?.get(&rows::space_key(name))? {
            return decode_space(&value);
        }
        let name = name.to_owned();
        let pending = self.store.write(move |transaction| {
            let key = rows::space_key(&name);
            if let Some(value) = transaction.get(&key)? {
                return Ok(decode_space(&value)?);
            }
            let taken = transaction.scan(rows::space_range(), Scan::first(SPACES_MAX + 1))?.rows;
            if taken.len() >= SPACES_MAX {
                return Err(
                    Error::TooLarge { what: "the list of spaces", octets: taken.len(), limit: SPACES_MAX }.into()
                );
            }
            // Space 0 is our own; none is ever given back, so counting them is enough.
            let octet = u8::try_from(taken.len() + 1).map_err(|_| Error::Row("spaces"))?;
            transaction.put_own(key, vec![octet]);
            Ok(Space(octet))
        });
        pending.wait().map(|committed| committed.value).map_err(|error| match error {
            WriteError::Storage(error) => error,
            WriteError::NoSpace => Error::NoSpace { operation: "making a space" },
            _ => Error::Closed,
        })
    }

    /// A whole blob, its checksum verified.
    pub fn blob(&self, hash: &BlobHash) -> Result<Blob, Error> {
        self.store.read_blob(hash, |location| self.store.bodies.read(hash, location)).map(Blob::new)
    }

    /// Octets `range` of a blob, cut off at its end; the checksums of the blocks they lie in are verified.
    pub fn blob_range(&self, hash: &BlobHash, range: Range<u64>) -> Result<Bytes, Error> {
        self.store.read_blob(hash, |location| self.store.bodies.read_range(hash, location, range.clone()))
    }

    /// How many octets a stored blob has.
    pub fn blob_octets(&self, hash: &BlobHash) -> Result<u64, Error> {
        Ok(u64::from(self.store.blob_row(hash)?.location.octets))
    }

    /// Tells `observer` of every commit from now on.
    pub fn subscribe(&self, observer: Arc<dyn Observer>) {
        self.store.shared.subscribe(observer);
    }

    /// Verifies every checksum, location, count and the index of the live store.
    pub fn check(&self, progress: &mut dyn FnMut(CheckProgress)) -> Result<CheckReport, Error> {
        check(&self.store, progress)
    }

    /// Writes a snapshot of the index and rewrites segments that are mostly dead, online. Loses nothing wherever it is
    /// interrupted. The partition also does this by itself (see `Options::snapshot_octets`).
    pub fn compact(&self, progress: &mut dyn FnMut(CheckProgress)) -> Result<CompactReport, Error> {
        compact(&self.store, progress)
    }

    /// How the partition fares.
    pub fn status(&self) -> PartitionStatus {
        let state = self.store.shared.lock().clone();
        let disk = self.store.place.disk.as_ref();
        let (segments, _) = self.store.place.log.list(disk).unwrap_or_default();
        let octets = |segment: &u64| disk.open(&self.store.place.log.file(*segment)).and_then(|file| file.octets());
        let usage = self.store.view().and_then(|view| Usage::load(view.as_ref())).unwrap_or_default();
        PartitionStatus {
            sequence: state.applied.sequence,
            segments: segments.len() as u64,
            log_octets: segments.iter().filter_map(|segment| octets(segment).ok()).sum(),
            live_octets: usage.octets(),
            waiting: self.store.waiting(),
            transactions: state.transactions,
            groups: state.groups,
            is_full: state.is_full,
            stopped: state.stopped,
        }
    }

    /// Finishes what was handed in, brings the index to rest and gives the lock back. Other clones answer `Closed`.
    pub fn close(self) {
        self.store.close();
    }
}

fn decode_space(value: &[u8]) -> Result<Space, Error> {
    match value {
        [octet] => Ok(Space(*octet)),
        _ => Err(Error::Row("spaces")),
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
pub struct Snapshot {
    view: Box<dyn View>,
    sequence: u64,
}

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
        self.sequence
    }

    /// Up to `limit` stored blobs behind `after`, in the order of their hashes: for the checks of the crates above.
    pub fn blobs(&self, after: Option<BlobHash>, limit: usize) -> Result<Vec<BlobCount>, Error> {
        let mut range = rows::blob_range();
        if let Some(hash) = after {
            range = range.after(rows::blob_key(&hash));
        }
        let page = self.view.scan(&range, Scan::first(limit))?;
        let count = |(key, value): (Vec<u8>, Vec<u8>)| {
            let hash = rows::blob_of_key(&key)?;
            let row = BlobRow::decode(&value)?;
            Some(BlobCount { hash, count: row.count, octets: u64::from(row.location.octets) })
        };
        page.rows.into_iter().map(|row| count(row).ok_or(Error::Row("blobs"))).collect()
    }
}

impl Read for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.view.get(key)
    }

    fn scan(&self, range: KeyRange, options: Scan) -> Result<Page, Error> {
        self.view.scan(&range, options)
    }
}

#[cfg(test)]
mod tests;
