//! Lines for people: on stderr, or on the screen while it has the terminal.

use std::io::{self, Write};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use portlore::report;

/// Receives the lines while a screen has the terminal.
static SCREEN: Mutex<Option<Sender<String>>> = Mutex::new(None);

/// Sends lines to a screen instead of stderr, until called with `None`.
pub fn redirect(to: Option<Sender<String>>) {
    *SCREEN.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

/// Prints a line, escaped. Nothing can be done where stderr is closed.
pub fn print(line: &str) {
    if let Some(screen) = &*SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
        && screen.send(line.to_owned()).is_ok()
    {
        return;
    }
    drop(writeln!(io::stderr(), "portlore: {}", report::escape(line)));
}
