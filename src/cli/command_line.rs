//! Parses the words of the command line.

use std::ffi::OsString;

use clap::FromArgMatches;
use portlore::report;

use super::{Cli, help, unknown};

impl Cli {
    /// Parses the command line; `portlore 3001` means `portlore port 3001`.
    pub fn from_command_line() -> Self {
        let words: Vec<OsString> = std::env::args_os().collect();
        Self::parse_words(words.clone()).unwrap_or_else(|error| Self::escaped(error, words).exit())
    }

    /// The error about these words with the words escaped: `clap` repeats them as they came.
    pub(super) fn escaped(error: clap::Error, words: Vec<OsString>) -> clap::Error {
        if !error.use_stderr() {
            return error;
        }
        let escape = |word: OsString| report::escape(&word.to_string_lossy()).into();
        Self::parse_words(words.into_iter().map(escape).collect()).err().unwrap_or(error)
    }

    /// Parses the words of a command line, the first of which is the program's name.
    pub(super) fn parse_words(mut words: Vec<OsString>) -> Result<Self, clap::Error> {
        let begins_with_a_digit =
            |word: &OsString| word.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
        if words.get(1).is_some_and(begins_with_a_digit) {
            words.insert(1, "port".into());
        }
        let mut command = help::command_line();
        let word =
            words.get(1).map_or_else(String::new, |word| word.to_string_lossy().into_owned());
        let matches = command
            .try_get_matches_from_mut(words)
            .map_err(|error| unknown::reworded(error, &word))?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}
