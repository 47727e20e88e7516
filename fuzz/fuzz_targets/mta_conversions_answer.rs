//! Answers of the CONVERSIONS mapping table.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mta::channels::fuzz::fuzz_conversions_answer(data));
