#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| directory::fuzz::fuzz_entry(data));
