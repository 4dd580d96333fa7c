#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portlore_fuzz::snapshot::run(input));
