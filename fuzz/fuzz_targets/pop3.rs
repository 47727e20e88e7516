//! See `access::pop3::fuzz::fuzz_pop3`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| access::pop3::fuzz::fuzz_pop3(data));
