//! A mapping file, and a probe of what can be read.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| policy::fuzz::fuzz_mapping_file(data));
