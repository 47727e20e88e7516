//! The stored row of an account.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| account::fuzz::fuzz_account_row(data));
