//! Sort keys that come from the envelope, ready to be compared octet by octet (RFC 5256 §3, RFC 5957 §3).

use crate::address::Entry;
use crate::envelope::Envelope;

/// SORT FROM, TO and CC: the local part of the first address, folded; empty if there is none.
pub fn address_key(entries: &[Entry]) -> String {
    todo!()
}

/// SORT DISPLAYFROM and DISPLAYTO: the display name of the first address, or the address, folded.
pub fn display_key(entries: &[Entry]) -> String {
    todo!()
}

/// SORT SUBJECT: the base subject, folded.
pub fn subject_key(envelope: &Envelope) -> String {
    todo!()
}
