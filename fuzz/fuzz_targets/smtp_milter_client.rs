//! A filter that says anything to our milter client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp::fuzz::fuzz_milter_client(data));
