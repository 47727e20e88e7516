//! Parts of a message changed, and a text added to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| message::fuzz::fuzz_rewrite(data));
