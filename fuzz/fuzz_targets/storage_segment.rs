//! A segment of the log: opened, repaired, or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage::fuzz::fuzz_segment(data));
