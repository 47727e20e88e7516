//! The port to files: what the log, its snapshots and its marker files need of a disk, and no more.
//!
//! `real` is the operating system's; `simulated` keeps files in memory, records what is done to them and can show
//! what would be left after a power cut.

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;

mod real;
mod simulated;

pub use real::RealDisk;
pub use simulated::{Cut, SimulatedDisk};

/// A place for files.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes the folder and those above it, if missing.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes a new empty file; fails if there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to read it, and to write if `DiskFile::write_at` is called.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, replacing what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes names that were created, changed or removed in the folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Takes the lock file for this process until the answer is dropped.
    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError>;
}

/// An open file. Offsets and lengths are octets.
pub trait DiskFile: Send + Sync {
    /// Writes all pieces, one after the other, from `offset` on.
    fn write_at(&self, offset: u64, pieces: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// Fills `buffer` from `offset` on; fails at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// The length of the file.
    fn octets(&self) -> io::Result<u64>;
    /// Cuts the file off.
    fn truncate(&self, octets: u64) -> io::Result<()>;
    /// Makes content and length durable.
    fn sync(&self) -> io::Result<()>;
}

/// Holds a lock file until dropped.
pub trait DiskLock: Send + Sync {}

/// Why a lock was not given.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it; 0 if its number cannot be read.
    Held {
        /// The process.
        pid: u32,
    },
    /// The system refused.
    Io(io::Error),
}
