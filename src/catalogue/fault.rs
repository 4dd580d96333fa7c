//! What the TOML parser finds wrong with a service file, in the words of whoever writes the file:
//! the key, what is not allowed there, and what is.

use crate::sentence::joined;
use crate::similar::did_you_mean;
use crate::{Error, ErrorKind};

/// The keys by which a text is taken for a service file, even where it is not valid TOML.
const KEYS: [&str; 4] = ["id", "name", "tag", "speaks"];

/// Types as the parser writes them, and what to write.
const TYPES: [(&str, &str); 4] = [
    ("u16", "a number from 0 to 65535"),
    ("a string", "a text in quotes"),
    ("a sequence", "a list in brackets"),
    ("a boolean", "true or false"),
];

/// The error for a message of the parser about a line of `text`, counted from 1.
pub(super) fn of_toml(text: &str, line: usize, message: &str) -> Error {
    let error = |reason: String| Error::new(ErrorKind::Catalogue, reason);
    let key = key_of(text.lines().nth(line.saturating_sub(1)).unwrap_or_default());
    let about = |rest: String| if key.is_empty() { rest } else { format!("{key}: {rest}") };
    let words = quoted(message);
    match &words[..] {
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
        _ => match wrong_type(message) {
            Some((value, wanted)) => error(about(format!("{value} is not allowed")))
                .with_remedy(format!("write {wanted}")),
            None if is_service_file(text) => error(format!("not valid TOML: {message}")),
            None => error(format!("not a service file: {message}")).with_remedy("name a TOML file"),
        },
    }
}

/// The key of a line such as `port = 3001`; empty where there is none.
fn key_of(line: &str) -> &str {
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

/// Whether some line has one of the keys of a service.
fn is_service_file(text: &str) -> bool {
    text.lines().any(|line| KEYS.contains(&key_of(line)))
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Origin, parse};

    const HEAD: &str = "id = \"z\"\nname = \"Z\"\ntag = \"osc\"\nspeaks = [\"osc\"]\n";

    fn fault(text: &str) -> String {
        parse(text, "z.toml", Origin::User).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_names_the_key_and_what_may_stand_there() {
        let claim = |line: &str| {
            fault(&format!("{HEAD}[[claim]]\nport = 1\ntransport = \"tcp\"\n{line}\n"))
        };
        assert_eq!(
            claim("standing = \"customary\"\nprevalence = \"often\""),
            "z.toml:9: prevalence: 'often' is not allowed; write common, occasional or rare"
        );
        assert!(
            claim("prot = 1").starts_with("z.toml:8: there is no key 'prot'; did you mean port? ")
        );
        assert_eq!(
            fault(&format!("{HEAD}[[claim]]\nport = 70000\n")),
            "z.toml:6: port: integer `70000` is not allowed; write a number from 0 to 65535"
        );
        assert_eq!(
            fault(&format!("{HEAD}[[claim]]\nport = \"x\"\n")),
            "z.toml:6: port: \"x\" is not allowed; write a number from 0 to 65535"
        );
        assert!(fault("id = \"z\"\n").contains("the key 'name' is missing; add name = "));
    }

    #[test]
    fn a_text_that_is_not_toml_is_told_from_one_that_is_not_a_service_file() {
        assert!(fault("id = \"z\"\nport : 3\n").starts_with("z.toml:2: not valid TOML: "));
        assert!(fault("Dear all,\n").starts_with("z.toml:1: not a service file: "));
    }
}
