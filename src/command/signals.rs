//! Signals beside SIGINT and SIGTERM: SIGUSR1 prints the counters of the capture. SIGHUP reads the
//! catalogue again; where there is a terminal, it says that the terminal is gone, and stops the
//! capture. While the screen has the terminal, all that would end or stop the process lets the screen
//! leave it first.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portlore::catalogue::Catalogue;
use portlore::privilege::Successor;
use portlore::screen::{TerminalSignal, TerminalSignals};
use portlore::{Error, ErrorKind, Result};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGPROF, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::messages;
use super::service_files::ServiceFiles;
use super::signal_flags::{SignalFlags, not_received};

/// Handles SIGHUP from a terminal, and SIGUSR1.
pub(super) fn register_others(flags: &SignalFlags) -> io::Result<()> {
    if io::stdin().is_terminal() && !is_ignored(SIGHUP) {
        flag::register(SIGHUP, Arc::clone(&flags.stop))?;
    }
    flag::register(SIGUSR1, Arc::clone(&flags.print_counters)).map(drop)
}

/// Whether whoever started the program wants it to ignore a signal, as `nohup` does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The signals that would leave a terminal as the screen has it.
pub struct ScreenSignals {
    signals: Signals,
    /// Those that came and were not told yet, the first to be told last.
    pending: Vec<TerminalSignal>,
}

impl ScreenSignals {
    /// Signals that end the process, but for SIGINT and SIGTERM: they end the capture.
    const ENDING: [i32; 6] = [SIGHUP, SIGQUIT, SIGALRM, SIGUSR2, SIGVTALRM, SIGPROF];
    /// Signals that stop the process, or that say what it died of.
    const LEAVING: [i32; 2] = [SIGTSTP, SIGABRT];

    /// Handles the signals from here on. To be called while the process may still open sockets.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where a handler cannot be registered.
    pub fn register() -> Result<Self> {
        let all = Self::ENDING.into_iter().chain(Self::LEAVING).chain([SIGCONT]);
        let signals = Signals::new(all.filter(|&signal| !is_ignored(signal)));
        let signals = signals.map_err(|error| not_received(&error))?;
        Ok(Self { signals, pending: Vec::new() })
    }

    /// Takes note of the signals that came.
    fn receive(&mut self) {
        self.pending.extend(self.signals.pending().map(|signal| match signal {
            SIGCONT => TerminalSignal::Resume,
            _ if Self::LEAVING.contains(&signal) => TerminalSignal::Leave(signal),
            _ => TerminalSignal::End,
        }));
        // What ends the capture goes before what only interrupts it.
        self.pending.sort_by_key(|signal| match signal {
            TerminalSignal::Resume => 0,
            TerminalSignal::Leave(_) => 1,
            TerminalSignal::End => 2,
        });
    }
}

impl TerminalSignals for ScreenSignals {
    fn next(&mut self) -> Option<TerminalSignal> {
        self.receive();
        self.pending.pop()
    }

    fn obey(&mut self, signal: i32) {
        // The sandbox allows signals to the process, and by number to its first thread only.
        let obeyed = match signal {
            SIGTSTP => kill(Pid::this(), Signal::SIGSTOP).map_err(io::Error::from),
            _ => emulate_default_handler(signal),
        };
        if obeyed.is_err() {
            // The process goes on.
            return;
        }
        // That it goes on is known: its SIGCONT is not to be told, but may come a little later. The
        // first process of a container cannot be stopped, and gets none.
        for _ in 0..20 {
            self.receive();
            let told = self.pending.len();
            self.pending.retain(|signal| *signal != TerminalSignal::Resume);
            if self.pending.len() < told {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
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
        let signals = Signals::new([SIGHUP]).map_err(|error| not_received(&error))?;
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
