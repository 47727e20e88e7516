//! A mail server that says anything to our milter server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp::fuzz::fuzz_milter_server(data));
