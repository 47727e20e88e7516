//! Every bound of this crate, with its unit and its reason.

/// Longest key, octets: what the narrowest engine we may ever stand on takes.
pub const KEY_OCTETS_MAX: usize = 480;
/// Longest value, octets. What is longer is a blob.
pub const VALUE_OCTETS_MAX: usize = 64 * 1024;
/// Longest blob, octets: record lengths are 32 bits wide, and a blob is read into memory whole.
pub const BLOB_OCTETS_MAX: usize = 512 * 1024 * 1024;
/// Octets of a blob that share one checksum, so that a part can be read and verified alone.
pub const BLOB_BLOCK_OCTETS: usize = 64 * 1024;
/// Rows that one transaction may change: it is held in memory until it is applied.
pub const TRANSACTION_ROWS_MAX: usize = 1_000_000;
/// Octets of keys and values that one transaction may write.
pub const TRANSACTION_OCTETS_MAX: usize = 64 * 1024 * 1024;
/// Transactions that share one synchronisation.
pub const GROUP_TRANSACTIONS_MAX: usize = 512;
/// A group takes no further transaction once it has grown past this many octets.
pub const GROUP_OCTETS_MAX: usize = 8 * 1024 * 1024;
/// Transactions that may wait for the executor of one partition.
pub const WAITING_MAX: usize = 65_536;
/// Rows of one page of a scan.
pub const PAGE_ROWS_MAX: usize = 10_000;
/// Longest payload of one log record, octets.
pub const RECORD_OCTETS_MAX: usize = BLOB_OCTETS_MAX + 1024 * 1024;
/// Named spaces of one partition: a space is one octet, and 0 is our own.
pub const SPACES_MAX: usize = 250;
/// Longest name of a space or a partition, octets.
pub const NAME_OCTETS_MAX: usize = 64;
/// Open segment files kept for reading blobs.
pub const SEGMENT_HANDLES_MAX: usize = 64;
/// Findings that a check or a repair lists one by one; the rest is counted.
pub const FINDINGS_MAX: usize = 10_000;
/// Index snapshots kept: the newest, and one more in case it is damaged.
pub const SNAPSHOTS_KEPT: usize = 2;
