//! Authentication-Results fields.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::authentication::fuzz::fuzz_authentication_results(data));
