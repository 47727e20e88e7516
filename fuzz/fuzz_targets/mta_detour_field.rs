//! Fields that come back from a scanner.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::channels::fuzz::fuzz_detour_field(data));
