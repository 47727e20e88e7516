//! Stored rows of the mail store.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail::fuzz::fuzz_mail_rows(data));
