//! What filters answer: clamd.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::fuzz::fuzz_filter_clamd(data));
