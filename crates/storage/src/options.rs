//! How a partition is opened.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Asks what time it is. Handed in, so that tests decide.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Which engine holds the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite beside the log: the only one for real data.
    Sqlite,
    /// A map in memory, rebuilt from the log at every opening: for tests.
    Memory,
}

/// Settings of one partition. `Options::default()` is right for production.
#[derive(Clone)]
pub struct Options {
    /// A segment takes no new group once it is this long. 64 MiB.
    pub segment_octets: u64,
    /// SQLite page cache of the writing connection. 16 MiB.
    pub index_cache_octets: u64,
    /// SQLite page cache of each reading connection. 2 MiB.
    pub reader_cache_octets: u64,
    /// Reading connections kept open between snapshots. 4.
    pub readers: usize,
    /// The write-ahead log of the index is copied back in the background once it is this long. 32 MiB.
    pub checkpoint_octets: u64,
    /// A snapshot of the index is written after this many octets of log, and segments are rewritten then. 512 MiB.
    /// 0 = only when `Partition::compact` is called.
    pub snapshot_octets: u64,
    /// Segments whose blobs are live to less than this share are rewritten. 70.
    pub rewrite_below_percent: u8,
    /// Octets kept free in a file of their own, given up when the index would not fit on a full disk any more. 8 MiB;
    /// 0 = none.
    pub reserve_octets: u64,
    /// The index engine.
    pub engine: Engine,
    /// The clock of `Transaction::now`.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Options {
        const MIB: u64 = 1024 * 1024;
        Options {
            segment_octets: 64 * MIB,
            index_cache_octets: 16 * MIB,
            reader_cache_octets: 2 * MIB,
            readers: 4,
            checkpoint_octets: 32 * MIB,
            snapshot_octets: 512 * MIB,
            rewrite_below_percent: 70,
            reserve_octets: 8 * MIB,
            engine: Engine::Sqlite,
            clock: system_clock(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("segment_octets", &self.segment_octets)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    })
}
