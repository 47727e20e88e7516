#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imap::fuzz::fuzz_imap_command(data));
