//! The inside of a partition: its threads, its index, its bodies. `Partition` is the handle to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use model::BlobHash;

use crate::blob::{BlobRow, Location};
use crate::bodies::Bodies;
use crate::disk::DiskLock;
use crate::error::{Abort, Error};
use crate::index::{Index, View};
use crate::opening::{Opened, Place};
use crate::pending::Pending;
use crate::pipeline::applier::Applier;
use crate::pipeline::executor::Executor;
use crate::pipeline::job::{JobQueue, job};
use crate::pipeline::stages::Stages;
use crate::pipeline::state::Shared;
use crate::pipeline::writer::Writer;
use crate::reserve::Reserve;
use crate::rows::{self, Position};
use crate::transaction::Transaction;

/// An open partition.
pub struct Store {
    /// Its files.
    pub place: Place,
    /// What its threads know.
    pub shared: Arc<Shared>,
    /// Reads its blobs.
    pub bodies: Bodies,
    queue: Arc<JobQueue>,
    index: Arc<dyn Index>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<Box<dyn DiskLock>>>,
    /// Held by what rewrites or removes segments, and by what must not have them removed under it.
    rewriting: Mutex<()>,
}

/// A blob may move between the look-up and the reading; each time it does, it is looked up again.
const MOVES_MAX: usize = 8;

impl Store {
    /// Opens the partition and starts its threads. The receiver of `to_upkeep` hears of every commit.
    pub fn open(place: Place, to_upkeep: SyncSender<()>) -> Result<Store, Error> {
        let Opened { index, lock, end, applied, last_segment, current } = place.open()?;
        let shared = Arc::new(Shared::new(end, applied, last_segment));
        let queue = Arc::new(JobQueue::default());
        let disk = Arc::clone(&place.disk);
        let reserve = Arc::new(Reserve::new(Arc::clone(&disk), &place.folder, place.options.reserve_octets));
        if let Err(error) = reserve.fill() {
            tracing::warn!(%error, "no room is kept for the index");
            shared.change(|state| state.is_full = true);
        }
        // Without any buffer the executor gathers a larger group while the writer is busy.
        let (to_writer, from_executor) = sync_channel(0);
        let (to_applier, from_writer) = sync_channel(4);
        let writer = Writer {
            disk: Arc::clone(&disk),
            folder: place.log.clone(),
            shared: Arc::clone(&shared),
            reserve: Arc::clone(&reserve),
            current,
        };
        let applier = Applier { index: Arc::clone(&index), shared: Arc::clone(&shared), reserve, to_upkeep };
        let stages = Arc::new(Stages::new(writer, applier, Arc::clone(&shared)));
        let executor = Executor::new(
            Arc::clone(&queue),
            Arc::clone(&shared),
            Arc::clone(&stages),
            to_writer,
            index.latest()?,
            &place.options,
        )?;
        let bodies = Bodies::new(disk, place.log.clone());
        let store = Store {
            place,
            shared,
            bodies,
            queue,
            index,
            threads: Mutex::default(),
            lock: Mutex::new(Some(lock)),
            rewriting: Mutex::default(),
        };
        store.start("store-executor", move || executor.run())?;
        let applying = Arc::clone(&stages);
        store.start("store-writer", move || stages.write_all(&from_executor, &to_applier))?;
        store.start("store-applier", move || applying.apply_all(&from_writer))?;
        Ok(store)
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let (queue, shared) = (Arc::clone(&self.queue), Arc::clone(&self.shared));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                shared.stop(&Error::Closed);
                queue.abandon();
            }
        });
        let thread = thread.map_err(|source| Error::io("starting a thread for", &self.place.folder, source))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Hands a transaction in.
    pub fn write<R, F>(&self, work: F) -> Pending<R>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<R, Abort> + Send + 'static,
        R: Send + 'static,
    {
        let (job, pending) = job(work);
        self.queue.push(job);
        pending
    }

    /// A view of what is applied now.
    pub fn view(&self) -> Result<Box<dyn View>, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        self.index.view()
    }

    /// The index, for upkeep.
    pub fn index(&self) -> &dyn Index {
        self.index.as_ref()
    }

    /// Transactions that wait for the executor.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the index knows of a blob now.
    pub fn blob_row(&self, hash: &BlobHash) -> Result<BlobRow, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let row = self.index.latest()?.get(&rows::blob_key(hash))?.ok_or(Error::NoBlob(*hash))?;
        BlobRow::decode(&row).ok_or(Error::Row("blobs"))
    }

    /// Reads a blob with `read`, which answers `None` if the segment is gone.
    pub fn read_blob<T>(
        &self,
        hash: &BlobHash,
        read: impl Fn(Location) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let mut location = self.blob_row(hash)?.location;
        for _ in 0..MOVES_MAX {
            if let Some(found) = read(location)? {
                return Ok(found);
            }
            let now = self.blob_row(hash)?.location;
            if now == location {
                break;
            }
            location = now;
        }
        let location = format!("blob {hash}: segment {:016x} is missing", location.segment);
        Err(Error::Corrupt { what: "a blob", location })
    }

    /// Keeps segments from being removed.
    pub fn hold_segments(&self) -> MutexGuard<'_, ()> {
        self.rewriting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the index is.
    pub fn applied(&self) -> Position {
        self.shared.lock().applied
    }

    fn is_closed(&self) -> bool {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Finishes what was handed in, brings the index to rest, gives the lock back. Doing it twice is harmless.
    pub fn close(&self) {
        self.queue.close();
        self.shared.change(|state| state.is_closing = true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // The last handle may have been dropped by a closure: then this thread is one of those.
        let is_inside = threads.iter().any(|thread| thread.thread().id() == thread::current().id());
        for thread in threads {
            if !is_inside && thread.join().is_err() {
                tracing::error!("a thread of a partition panicked");
            }
        }
        let _held = self.hold_segments();
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some()
            && let Err(error) = self.index.settle()
        {
            // The log gives back at the next opening what the index does not hold durably now.
            tracing::warn!(%error, "the index could not be brought to rest");
        }
        *lock = None;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}
