//! Entry points for the fuzzer: what stands in a detour field, and what the CONVERSIONS table answers.

use crate::channels::brought::Brought;
use crate::channels::conversions;
use crate::channels::detour::Passage;
use crate::channels::key::Key;
use crate::channels::limits::FIELD_OCTETS_MAX;
use model::Timestamp;

/// The value of a field, then the same octets as a passage that we have signed; a passage is written as it is read.
pub fn fuzz_detour_field(data: &[u8]) {
    let key = Key::new(b"a secret that the fuzzer does not try to find".to_vec());
    let forged = Passage::read(data, &key, Timestamp(0));
    assert!(forged.is_err(), "nobody signs without the secret");
    let Some(passage) = Passage::of_octets(data) else { return };
    let Some(field) = passage.field(&key) else { return };
    assert!(field.len() <= FIELD_OCTETS_MAX, "a field is bounded");
    let at = field.iter().position(|octet| *octet == b':').map_or(0, |at| at + 1);
    let again = Passage::read(field.get(at..).unwrap_or_default(), &key, Timestamp(0));
    assert_eq!(again.as_ref(), Ok(&passage), "a passage comes back as it went");
}

/// An answer of the CONVERSIONS table, and what a route says of how mail came.
pub fn fuzz_conversions_answer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = conversions::read(text);
    let brought = Brought::read(text);
    assert_eq!(Brought::read(&brought.to_string()).passed, brought.passed, "what was passed is not forgotten");
}
