//! The flags by which signals end a run: SIGINT and SIGTERM, on Windows Ctrl-C and Ctrl-Break.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portlore::{Error, ErrorKind, Result};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::unregister;

use super::signals;

/// Flags that signals set.
pub struct SignalFlags {
    /// SIGINT, SIGTERM, and SIGHUP from a terminal: end the capture and write the report.
    pub stop: Arc<AtomicBool>,
    /// SIGUSR1: print the counters.
    pub print_counters: Arc<AtomicBool>,
    /// Set: the next SIGINT or SIGTERM ends the program at once.
    force_quit: Arc<AtomicBool>,
    /// The handlers that set `force_quit`.
    force_quit_handlers: Vec<SigId>,
}

impl SignalFlags {
    /// Handles the signals from here on.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where a handler cannot be registered.
    pub fn register() -> Result<Self> {
        let mut flags = Self {
            stop: Arc::default(),
            print_counters: Arc::default(),
            force_quit: Arc::default(),
            force_quit_handlers: Vec::new(),
        };
        let mut register = || {
            for signal in [SIGINT, SIGTERM] {
                // A second signal ends the program at once, in case the report takes long.
                flag::register_conditional_shutdown(
                    signal,
                    128 + signal,
                    Arc::clone(&flags.force_quit),
                )?;
                flag::register(signal, Arc::clone(&flags.stop))?;
                let handler = flag::register(signal, Arc::clone(&flags.force_quit))?;
                flags.force_quit_handlers.push(handler);
            }
            signals::register_others(&flags)
        };
        register().map(|()| flags).map_err(|error| not_received(&error))
    }

    /// Fails if the user has ended the run: part of a capture is no answer.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] if [`stop`](Self::stop) is set.
    pub fn check_not_stopped(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Input, "interrupted before the captures were read"));
        }
        Ok(())
    }

    /// Keeps signals from ending the program at once until the guard is dropped: the terminal has
    /// to be restored first.
    pub fn hold_force_quit(&self) -> ForceQuitHold<'_> {
        for &handler in &self.force_quit_handlers {
            unregister(handler);
        }
        ForceQuitHold(&self.force_quit)
    }
}

/// See [`SignalFlags::hold_force_quit`].
pub struct ForceQuitHold<'f>(&'f AtomicBool);

impl Drop for ForceQuitHold<'_> {
    fn drop(&mut self) {
        // The capture ends with the screen: a signal from now on is a second one.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The error of a signal for which no handler can be registered.
pub(super) fn not_received(error: &io::Error) -> Error {
    Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
}
