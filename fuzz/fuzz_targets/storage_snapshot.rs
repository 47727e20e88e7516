//! A snapshot of the index.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage::fuzz::fuzz_snapshot(data));
