//! Errors of clap whose words would mislead: a name of a port in place of a command, a command that
//! does not exist.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use portlore::catalogue::Catalogue;

/// The error, in better words if it is about the first word, `word`, or about what `help` explains.
pub(super) fn reworded(mut error: clap::Error, word: &str) -> clap::Error {
    let named = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand
            if named(ContextKind::InvalidSubcommand).as_deref() == Some(word) =>
        {
            let is_close = error.get(ContextKind::SuggestedSubcommand).is_some();
            if is_port_name(word) {
                let advice = format!("to look up a port by name: portlore port {word}");
                usage(&format!("'{word}' is not a command; {advice}"))
            } else if is_close {
                error
            } else {
                usage(&format!("'{word}' is not a command; portlore help lists the commands"))
            }
        }
        ErrorKind::InvalidValue if word == "help" => {
            let unknown = named(ContextKind::InvalidValue).unwrap_or_default();
            no_command(&unknown)
        }
        ErrorKind::UnknownArgument => {
            // The advice to pass a mistyped option as a file helps nobody.
            error.remove(ContextKind::Suggested);
            error
        }
        _ => error,
    }
}

/// The error of a command that `help` is asked for and that does not exist.
pub(super) fn no_command(words: &str) -> clap::Error {
    usage(&format!("there is no command '{words}'; portlore help lists the commands"))
}

fn usage(text: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::InvalidSubcommand, format!("{text}\n"))
}

/// Whether the registry or the catalogue has a port of this name.
fn is_port_name(word: &str) -> bool {
    Catalogue::shipped().is_ok_and(|catalogue| {
        catalogue.registry.ports_of(word).next().is_some()
            || catalogue.services().iter().any(|service| service.id.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Cli;

    fn said(line: &str) -> String {
        let words = line.split(' ').map(Into::into).collect();
        Cli::parse_words(words).unwrap_err().to_string()
    }

    #[test]
    fn the_name_of_a_port_in_place_of_a_command_is_told_how_to_ask_for_it() {
        let ssh = "error: 'ssh' is not a command; to look up a port by name: portlore port ssh\n";
        assert_eq!(said("portlore ssh"), ssh);
        let none = "error: 'no-such' is not a command; portlore help lists the commands\n";
        assert_eq!(said("portlore no-such"), none);
        assert!(said("portlore replya x").contains("'replay'"), "what is close is suggested");
    }

    #[test]
    fn a_mistyped_option_is_not_advised_to_be_a_file_nor_a_negative_number_an_option() {
        let unknown = said("portlore replay --wyh x");
        assert!(
            unknown.starts_with("error: unexpected argument '--wyh' found\n\nUsage"),
            "{unknown}"
        );
        assert!(said("portlore replay --wh x").contains("'--why'"), "what is close is suggested");
        let negative = said("portlore replay -c -3 x");
        assert!(negative.starts_with("error: invalid value '-3' for '--count <N>'"), "{negative}");
    }

    #[test]
    fn help_for_a_command_that_does_not_exist_lists_no_parts_of_commands() {
        let said = said("portlore help foo");
        assert_eq!(said, "error: there is no command 'foo'; portlore help lists the commands\n");
    }
}
