//! Signals beside Ctrl-C and Ctrl-Break: Windows has none. Counters are not printed, and the catalogue
//! is not read again.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use portlore::Result;
use portlore::catalogue::Catalogue;
use portlore::privilege::Successor;
use portlore::screen::{TerminalSignal, TerminalSignals};

use super::service_files::ServiceFiles;
use super::signal_flags::SignalFlags;

/// There are no other signals.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn register_others(_: &SignalFlags) -> io::Result<()> {
    Ok(())
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
