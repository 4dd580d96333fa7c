//! What the TOML parser finds wrong with a service file.

use crate::toml_fault::{key_of, reworded};
use crate::{Error, ErrorKind};

/// The keys by which a text is taken for a service file, even where it is not valid TOML.
const KEYS: [&str; 4] = ["id", "name", "tag", "speaks"];

/// The error for a message of the parser about a line of `text`, counted from 1.
pub(super) fn of_toml(text: &str, line: usize, message: &str) -> Error {
    let error = |reason: String| Error::new(ErrorKind::Catalogue, reason);
    let words = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    reworded(ErrorKind::Catalogue, words, message).unwrap_or_else(|| {
        if is_service_file(text) {
            error(format!("not valid TOML: {message}"))
        } else {
            error(format!("not a service file: {message}")).with_remedy("name a TOML file")
        }
    })
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
