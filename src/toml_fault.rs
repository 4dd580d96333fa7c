//! What the TOML parser finds wrong with a file, in the words of whoever writes the file: the key,
//! what is not allowed there, and what is.

use crate::sentence::joined;
use crate::similar::did_you_mean;
use crate::{Error, ErrorKind};

/// Types as the parser writes them, and what to write.
const TYPES: [(&str, &str); 5] = [
    ("u16", "a number from 0 to 65535"),
    ("u64", "a whole number"),
    ("a string", "a text in quotes"),
    ("a sequence", "a list in brackets"),
    ("a boolean", "true or false"),
];

/// The error for a message of the parser about a line of a file that is TOML; `None` for messages
/// about text that is not.
pub(crate) fn reworded(kind: ErrorKind, line: &str, message: &str) -> Option<Error> {
    let error = |reason: String| Error::new(kind, reason);
    let key = key_of(line);
    let about = |rest: String| if key.is_empty() { rest } else { format!("{key}: {rest}") };
    let words = quoted(message);
    Some(match &words[..] {
        [value, allowed @ ..] if message.starts_with("unknown variant ") => {
            let allowed = joined(allowed, "or");
            error(about(format!("'{value}' is not allowed")))
                .with_remedy(format!("write {allowed}"))
        }
        [field, known @ ..] if message.starts_with("unknown field ") => {
            let keys = format!("the keys here are {}", joined(known, "and"));
            let question = did_you_mean(field, known.iter().copied());
            let question = question.map_or_else(String::new, |question| format!("{question} "));
            error(format!("there is no key '{field}'")).with_remedy(question + &keys)
        }
        [field] if message.starts_with("missing field ") => {
            error(format!("the key '{field}' is missing")).with_remedy(format!("add {field} = …"))
        }
        _ => {
            let (value, wanted) = wrong_type(message)?;
            error(about(format!("{value} is not allowed"))).with_remedy(format!("write {wanted}"))
        }
    })
}

/// The key of a line such as `port = 3001`; empty where there is none.
pub(crate) fn key_of(line: &str) -> &str {
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let is_key = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if key.bytes().all(is_key) { key } else { "" }
}

/// What stands between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The value and what is wanted, of `invalid type: string "x", expected u16`.
fn wrong_type(message: &str) -> Option<(&str, &str)> {
    let rest = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|beginning| message.strip_prefix(beginning))?;
    let (value, wanted) = rest.rsplit_once(", expected ")?;
    let value = value.strip_prefix("string ").unwrap_or(value);
    let plain = TYPES.iter().find(|(name, _)| *name == wanted).map(|(_, plain)| *plain);
    Some((value, plain.unwrap_or(wanted)))
}
