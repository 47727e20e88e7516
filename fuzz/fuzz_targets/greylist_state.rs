//! The greylister's memory as a file holds it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meter::greylist::fuzz::fuzz_greylist_state(data));
