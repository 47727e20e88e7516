//! Every bound of the filters, with its unit and its reason.

use std::time::Duration;

/// Filters of one server; the vocabulary of their settings counts them from 1 to 8.
pub const FILTERS_MAX: usize = 8;

/// Pairs of pattern and action of one filter.
pub const ACTIONS_MAX: usize = 8;

/// Characters of a verdict that are kept. Signature names and lists of rules stay far below it.
pub const VERDICT_CHARS_MAX: usize = 1_024;

/// Octets of a head of HTTP or ICAP, and of a line of spamd.
pub const HEAD_OCTETS_MAX: usize = 64 << 10;

/// Octets of an answer that holds no message, such as rspamd's JSON.
pub const ANSWER_OCTETS_MAX: usize = 4 << 20;

/// Changes that rspamd may ask for with one message: each looks through all fields.
pub const CHANGES_MAX: usize = 1_000;

/// Octets of a chunk's size line in HTTP.
pub const CHUNK_LINE_OCTETS_MAX: usize = 4_096;

/// Octets by which a message that comes back may be longer than the one that was sent: reports and new fields.
pub const GROWTH_OCTETS_MAX: usize = 4 << 20;

/// Octets that are sent at a time; each piece has a step's time.
pub const PIECE_OCTETS: usize = 256 << 10;

/// Failures in a row after which a host that answers late or wrongly is left alone for a while. One that cannot be
/// connected to is left alone at once.
pub const FAILURES_BEFORE_REST: u32 = 3;

/// The first time for which a host is left alone; it doubles with each further failure.
pub const REST_FIRST: Duration = Duration::from_millis(500);

/// The longest time for which a host is left alone: a filter that comes back is noticed within it.
pub const REST_MAX: Duration = Duration::from_secs(15);

/// Reports of moved messages that wait to be told to the filters; what is more is counted and dropped.
pub const TRAINING_WAITING_MAX: usize = 1_024;

/// Messages of one move that are told to the filters; people who move a whole mailbox teach nothing more with the rest.
pub const TRAINING_MESSAGES_MAX: usize = 200;
