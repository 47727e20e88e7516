//! The conversions file, what commands say, and the routes through the conversion channel.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::content::fuzz::fuzz_conversions(data));
