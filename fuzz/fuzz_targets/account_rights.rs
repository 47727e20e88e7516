//! Access rights and stored lists of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| account::fuzz::fuzz_rights(data));
