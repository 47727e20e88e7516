//! Fragments of a message read, joined and made.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| message::fuzz::fuzz_partial(data));
