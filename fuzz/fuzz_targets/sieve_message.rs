//! Any octets as a message, with Sieve scripts that look at all of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sieve::fuzz::fuzz_message(data));
