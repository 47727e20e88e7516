//! Any octets as a Sieve script, run on a message.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sieve::fuzz::fuzz_script(data));
