//! The end of the console: Windows ends the process with its window.

use std::io;

/// Watches nothing.
pub(super) struct HangupWatch;

impl HangupWatch {
    /// Starts nothing.
    ///
    /// # Errors
    /// Never.
    #[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
    pub(super) fn start() -> io::Result<Self> {
        Ok(Self)
    }

    /// Whether the console is gone.
    #[allow(clippy::unused_self, reason = "one signature for all systems")]
    pub(super) fn has_hung_up(&self) -> bool {
        false
    }
}

/// Whether an error says that the console is gone.
pub(super) fn is_gone(_: &io::Error) -> bool {
    false
}
