//! Fails on an input that a working fuzzer finds in a moment.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert!(!data.starts_with(b"fail"), "the canary sings");
});
