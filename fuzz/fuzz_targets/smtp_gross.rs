//! Datagrams of clients that ask the greylister.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp::fuzz::fuzz_gross(data));
