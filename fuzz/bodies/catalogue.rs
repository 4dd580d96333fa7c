//! Text as a service file: it is parsed, or the error names a line of the file.

use portlore::catalogue::{Origin, parse};

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, "fuzzed.toml", Origin::User) {
        Ok(_) => {}
        Err(error) => {
            let lines = text.lines().count() + 1;
            let line = error.object().strip_prefix("fuzzed.toml:").and_then(|n| n.parse().ok());
            assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{error:?}");
        }
    }
}
