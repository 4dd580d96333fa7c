//! Lines for people: on stderr, or on the screen while it has the terminal.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread;

use portlore::{Error, report};

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
    print_safe(&report::escape(line));
}

/// Prints a line on stderr that holds nothing untrusted, or nothing that was not escaped before.
pub fn print_safe(line: &str) {
    drop(writeln!(io::stderr(), "portlore: {line}"));
}

/// Prints a line for each thread that panics, with the place in the code, and with the calls that
/// led there where `RUST_BACKTRACE` is set. The message of a panic may quote what was read, so it is
/// escaped.
pub fn print_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("without a name");
        let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let error = Error::from_panic(&format!("thread {name}{place}"), panic.payload());
        // Not to a screen, which the thread may hold.
        drop(writeln!(io::stderr(), "portlore: {}", report::escape(&error.to_string())));
        let calls = Backtrace::capture();
        if calls.status() == BacktraceStatus::Captured {
            drop(writeln!(io::stderr(), "{calls}"));
        }
    }));
}
