//! See `message::fuzz::fuzz_transfer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| message::fuzz::fuzz_transfer(data));
