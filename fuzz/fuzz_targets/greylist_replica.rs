//! What replicas of the greylister send each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meter::greylist::fuzz::fuzz_greylist_replica(data));
