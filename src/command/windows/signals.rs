//! Ctrl-C and Ctrl-Break end a run. Windows has no other signals: counters are not printed, and the
//! catalogue is not read again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use portlore::catalogue::Catalogue;
use portlore::privilege::Successor;
use portlore::screen::{TerminalSignal, TerminalSignals};
use portlore::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use super::service_files::ServiceFiles;

/// Flags that signals set.
pub struct SignalFlags {
    /// Ctrl-C: end the run and write the report.
    pub stop: Arc<AtomicBool>,
    /// Never set here.
    pub print_counters: Arc<AtomicBool>,
    /// Set: the next signal ends the program at once.
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
                let force_quit = Arc::clone(&flags.force_quit);
                flag::register_conditional_shutdown(signal, 128 + signal, force_quit)?;
                flag::register(signal, Arc::clone(&flags.stop))?;
                let handler = flag::register(signal, Arc::clone(&flags.force_quit))?;
                flags.force_quit_handlers.push(handler);
            }
            Ok(())
        };
        let registered: io::Result<()> = register();
        registered.map(|()| flags).map_err(|error| {
            Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
        })
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
            low_level::unregister(handler);
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

/// The signals that would leave a console as the screen has it: none.
pub struct ScreenSignals;

impl ScreenSignals {
    /// Handles nothing.
    ///
    /// # Errors
    /// Never.
    #[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
    pub fn register() -> Result<Self> {
        Ok(Self)
    }
}

impl TerminalSignals for ScreenSignals {
    fn next(&mut self) -> Option<TerminalSignal> {
        None
    }

    fn obey(&mut self, _: i32) {}
}

/// Would read the catalogue again.
pub struct CatalogueReload;

impl CatalogueReload {
    /// Handles nothing.
    ///
    /// # Errors
    /// Never.
    #[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
    pub fn register() -> Result<Self> {
        Ok(Self)
    }

    /// Starts nothing: no catalogue will arrive.
    ///
    /// # Errors
    /// Never.
    #[allow(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "one signature for all systems"
    )]
    pub fn start(self, _: ServiceFiles, _: Option<Successor>) -> Result<Receiver<Arc<Catalogue>>> {
        Ok(channel().1)
    }
}
