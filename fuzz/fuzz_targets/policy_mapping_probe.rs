//! A probe of mapping tables, and what its answers make.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| policy::fuzz::fuzz_mapping_probe(data));
