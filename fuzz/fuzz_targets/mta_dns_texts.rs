//! Texts that the name service answers with.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::authentication::fuzz::fuzz_dns_texts(data));
