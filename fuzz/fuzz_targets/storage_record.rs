//! Records, commits and rows as they are stored.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage::fuzz::fuzz_record(data));
