//! See `message::fuzz::fuzz_downgrade`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| message::fuzz::fuzz_downgrade(data));
