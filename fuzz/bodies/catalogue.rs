//! Text as a service file: it is read, or the fault has a line that is there.

use portlore::catalogue::{Origin, parse};

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, "fuzzed.toml", Origin::User) {
        Ok(_) => {}
        Err(fault) => {
            let lines = text.lines().count() + 1;
            assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault:?}");
        }
    }
}
