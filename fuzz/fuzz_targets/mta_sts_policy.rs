//! MTA-STS policies and their records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::authentication::fuzz::fuzz_sts_policy(data));
