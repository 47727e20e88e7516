//! Every bound of this crate, with its unit and its reason. Those that an operator may change are settings' defaults.

use std::time::Duration;

/// Octets of a key: the longest address that SMTP can carry is 320, and a rule may join three of them.
pub const KEY_OCTETS_MAX: usize = 1024;
/// Octets of a value that a table of texts keeps for one key.
pub const VALUE_OCTETS_MAX: usize = 1024;
/// Octets of a table's name, so that its length fits one octet and a metric's label stays readable.
pub const TABLE_NAME_OCTETS_MAX: usize = 64;
/// The largest quota of a table that keeps every moment: each costs eight octets for each key.
pub const SLIDING_QUOTA_MAX: u64 = 10_000;
/// The largest quota of any other table: one step of the level must last at least a nanosecond.
pub const QUOTA_MAX: u64 = 1_000_000_000;
/// How many quota times a key that goes on knocking can be kept waiting after its last attempt. Without this bound a
/// client that hammered for a minute would be shut out for days.
pub const PENALTY_QUOTA_TIMES: u64 = 10;
/// Entries of one table; an index within a shard is a number of 32 bits.
pub const ENTRIES_MAX: usize = 1_000_000_000;
/// Entries for which another shard is worth its lock. A table smaller than twice this has one shard, and drops exactly
/// the least used of all its entries.
pub const SHARD_ENTRIES: usize = 1024;
/// Shards of one table: enough that threads seldom meet in one.
pub const SHARDS_MAX: usize = 64;
/// Entries that are looked at to find the least used one, so that a full shard is never searched from end to end.
pub const EVICTION_STEPS: usize = 128;
/// Entries that are looked at when one is added, to let go of those that no longer say anything.
pub const SWEEP_STEPS: usize = 2;

/// Octets of one frame of the meter's protocol after its length: a table's name, a key, a value and what is around them.
pub const FRAME_OCTETS_MAX: usize = 4096;
/// Octets of answers that a server gathers before it writes them.
pub const ANSWER_OCTETS: usize = 64 * 1024;
/// Time for the two sides to prove that they know the secret: two short frames.
pub const LOGIN: Duration = Duration::from_secs(10);
/// Time without a request after which a server closes; a client does so before.
pub const SERVER_IDLE: Duration = Duration::from_secs(600);
/// Time without a request after which a client closes.
pub const CLIENT_IDLE: Duration = Duration::from_secs(300);
/// Time that a peer has to take an answer.
pub const SEND: Duration = Duration::from_secs(30);
/// The least octets of a shared secret: who can listen to a login can try guesses at leisure.
pub const SECRET_OCTETS_MIN: usize = 16;
/// Attributes that a policy rule joins to one key.
pub const RULE_ATTRIBUTES_MAX: usize = 8;

/// Rows that a listing for operators returns at once.
pub const LISTING_ROWS_MAX: usize = 10_000;
