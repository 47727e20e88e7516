//! What filters answer: rspamd.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::fuzz::fuzz_filter_rspamd(data));
