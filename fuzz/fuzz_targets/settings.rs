//! A settings file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliograph::fuzz::fuzz_settings(data));
