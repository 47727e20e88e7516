//! Every bound of the queue.

/// Octets kept of a peer's reply, for notices and listings.
pub const REPLY_OCTETS_MAX: usize = 1024;
/// Octets kept of a subject, for listings and filters.
pub const SUBJECT_OCTETS_MAX: usize = 256;
/// Octets kept of the address that had logged in: the longest that RFC 5321 §4.5.3.1 allows.
pub const LOGIN_OCTETS_MAX: usize = 320;
/// Sieve fragments that one recipient may carry.
pub const INSTRUCTIONS_MAX: usize = 32;
/// Octets of all of them: they are part of the recipient's row.
pub const INSTRUCTIONS_OCTETS_MAX: usize = 16 * 1024;
/// Recipients that one message can come to have, expansions included.
pub const RECIPIENTS_MAX: u32 = 20_000;
/// Events kept of one message's way.
pub const TRACE_EVENTS_MAX: u32 = 500;
/// Octets of one event's text.
pub const TRACE_TEXT_OCTETS_MAX: usize = 512;
/// Messages changed in one transaction by an operator.
pub const CHANGE_BATCH: usize = 50;
/// Messages on one page of a listing.
pub const PAGE_MAX: usize = 1000;
/// Events that wait to be written; more are dropped, counted and told.
pub const NOTES_MAX: usize = 20_000;
/// Events written in one transaction.
pub const NOTES_BATCH: usize = 1000;
/// Rows removed in one transaction when traces expire.
pub const SWEEP_ROWS: usize = 2000;

/// The text, cut at a character so that it has at most `octets`.
pub(crate) fn cut(text: &str, octets: usize) -> &str {
    if text.len() <= octets {
        return text;
    }
    let end = (0..=octets).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
