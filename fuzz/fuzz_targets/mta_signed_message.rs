//! A message with signatures and chains.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::authentication::fuzz::fuzz_signed_message(data));
