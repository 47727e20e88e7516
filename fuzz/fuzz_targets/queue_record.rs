//! Messages, recipients and events of the queue as they are stored.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| queue::fuzz::fuzz_queue_record(data));
