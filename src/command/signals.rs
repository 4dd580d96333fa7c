//! Signals: SIGINT and SIGTERM stop the capture, SIGUSR1 prints its counters, SIGHUP reads the
//! catalogue again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use portlore::catalogue::Catalogue;
use portlore::privilege::Successor;
use portlore::{Error, ErrorKind, Result};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::unregister;

use super::messages;
use super::service_files::ServiceFiles;

/// Flags that signals set.
pub struct SignalFlags {
    /// SIGINT, SIGTERM: end the capture and write the report.
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
            flag::register(SIGUSR1, Arc::clone(&flags.print_counters))
        };
        match register() {
            Ok(_) => Ok(flags),
            Err(error) => {
                Err(Error::new(ErrorKind::System, format!("signals cannot be received: {error}")))
            }
        }
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

/// Reads the catalogue again on each SIGHUP.
pub struct CatalogueReload {
    signals: Signals,
}

impl CatalogueReload {
    /// Handles SIGHUP from here on: it does not end the program any more.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the handler cannot be registered.
    pub fn register() -> Result<Self> {
        let signals = Signals::new([SIGHUP]).map_err(|error| {
            Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
        })?;
        Ok(Self { signals })
    }

    /// Starts the thread that loads the catalogue over `files`, and returns where the new catalogues
    /// arrive. `user` is whom the process became, if it was root's. To be called when
    /// privileges were dropped, because it starts a thread.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the thread cannot be started.
    pub fn start(
        mut self,
        files: ServiceFiles,
        user: Option<Successor>,
    ) -> Result<Receiver<Arc<Catalogue>>> {
        let (sender, catalogues) = channel();
        let reload = move || {
            for _ in self.signals.forever() {
                match files.load() {
                    Ok(catalogue) => {
                        let services = catalogue.services().len();
                        // Nobody receives it where the capture is over.
                        let _ = sender.send(Arc::new(catalogue));
                        messages::print(&format!("catalogue reloaded: {services} services"));
                    }
                    Err(error) => {
                        error.lines().for_each(|line| messages::print(&line));
                        messages::print("the previous catalogue stays in use");
                        // Whoever called sudo may lack a right that root had at the start.
                        let is_denied =
                            error.to_string().to_lowercase().contains("permission denied");
                        if let Some(Successor { name, .. }) = user.as_ref().filter(|_| is_denied) {
                            messages::print(&format!(
                                "portlore dropped its privileges to \"{name}\", who must be \
                                 able to read the service files"
                            ));
                        }
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("reload".into()).spawn(reload);
        thread.map_err(|error| {
            Error::new(
                ErrorKind::System,
                format!("the thread that reloads the catalogue cannot be started: {error}"),
            )
        })?;
        Ok(catalogues)
    }
}
