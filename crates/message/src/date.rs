//! Dates in header fields (RFC 5322 §3.3, obsolete forms of §4.3, and what is found besides).

use model::CivilTime;

/// Reads a date as the sender's calendar shows it, its offset included; [`CivilTime::timestamp`] gives the moment.
pub fn parse(value: &str) -> Option<CivilTime> {
    todo!()
}

/// The sent date of a message: its first `Date:` field.
pub fn sent(header: &[u8]) -> Option<CivilTime> {
    todo!()
}
