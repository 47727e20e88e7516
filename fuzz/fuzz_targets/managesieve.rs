//! See `access::managesieve::fuzz::fuzz_managesieve`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| access::managesieve::fuzz::fuzz_managesieve(data));
