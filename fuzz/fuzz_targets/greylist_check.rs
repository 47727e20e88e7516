//! Lists of the greylister and the names that are asked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meter::greylist::fuzz::fuzz_greylist_check(data));
