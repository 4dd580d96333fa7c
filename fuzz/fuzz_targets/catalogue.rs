//! Text as a service file: it is read, or the fault has a line that is there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portlore::catalogue::{Origin, parse};

fuzz_target!(|text: &str| {
    match parse(text, "fuzzed.toml", Origin::User) {
        Ok(_) => {}
        Err(fault) => {
            let lines = text.lines().count() + 1;
            assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault:?}");
        }
    }
});
