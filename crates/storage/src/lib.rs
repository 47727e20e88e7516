//! Bytes that survive: one durable log per partition, an ordered index that follows it, and blobs by hash.
//!
//! Every change is a closure run on the partition's executor; a group of them is appended to the log, synchronised
//! once, applied to the index, published, and only then acknowledged with a [`Receipt`].
//!
//! | file | holds |
//! |---|---|
//! | `partition` | [`Partition`]: open, write, read, blobs, close |
//! | `transaction`, `read`, `key`, `blob`, `notice` | what a closure sees and does |
//! | `pending`, `error` | how it ends |
//! | `overlay`, `pipeline/` | executor, log writer and index applier |
//! | `log/` | records, segments, groups, scanning |
//! | `index/` | the ordered map: its contract, SQLite, memory |
//! | `opening`, `dump`, `compact`, `check`, `repair` | replay, index snapshots, rewriting, verifying, rebuilding |
//! | `disk/` | the port to files: real and simulated |
//! | `partitions` | [`Partitions`] by nickname and [`Layout`] of the data folder |

mod blob;
mod bodies;
mod check;
mod compact;
mod disk;
mod dump;
mod error;
pub mod fuzz;
mod index;
mod key;
pub mod limits;
mod log;
mod notice;
mod opening;
mod options;
mod overlay;
mod partition;
mod partitions;
mod pending;
mod pipeline;
mod read;
mod repair;
mod replay;
mod reserve;
mod rows;
#[cfg(test)]
mod scratch;
mod store;
mod transaction;
mod upkeep;
mod usage;

pub use blob::{Blob, NewBlob};
pub use check::{CheckProgress, CheckReport, CompactReport, Finding, RepairReport};
pub use disk::{Cut, Disk, DiskFile, DiskLock, LockError, RealDisk, SimulatedDisk};
pub use error::{Abort, Error, WriteError};
pub use key::{Key, KeyParts, KeyRange, Space};
pub use notice::{Notice, Observer};
pub use options::{Clock, Engine, Options, system_clock};
pub use partition::{BlobCount, Partition, PartitionStatus, Snapshot};
pub use partitions::{Layout, Partitions, is_nickname};
pub use pending::{Committed, Pending, Receipt};
pub use read::{Page, Read, Row, Scan, Visit};
pub use transaction::Transaction;
