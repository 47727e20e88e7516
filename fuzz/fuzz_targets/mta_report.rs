//! Reports about authenticity and TLS that others send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::authentication::fuzz::fuzz_report(data));
