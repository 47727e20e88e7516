//! Any text as a notification method of Sieve.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sieve::fuzz::fuzz_method(data));
