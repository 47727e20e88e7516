//! A change of a settings file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliograph::fuzz::fuzz_settings_change(data));
