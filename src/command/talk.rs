//! Lines for stderr.

use std::io::{self, Write};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use portlore::{Error, report};

use super::Errors;

/// Where lines go while a screen has the terminal.
static SCREEN: Mutex<Option<Sender<String>>> = Mutex::new(None);

/// Sends lines to a screen instead of stderr, until it is called with `None`.
pub fn divert(to: Option<Sender<String>>) {
    *SCREEN.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

/// A line on stderr, or on the screen. Where nobody reads it there is nobody to tell.
pub fn say(line: &str) {
    if let Some(screen) = &*SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
        && screen.send(line.to_owned()).is_ok()
    {
        return;
    }
    drop(writeln!(io::stderr(), "portlore: {}", report::escape(line)));
}

pub fn one(line: String) -> Errors {
    vec![line]
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub fn lines(error: Error) -> Errors {
    error.lines().collect()
}
