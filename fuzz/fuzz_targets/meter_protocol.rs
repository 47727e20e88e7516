#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meter::fuzz::fuzz_meter_protocol(data));
