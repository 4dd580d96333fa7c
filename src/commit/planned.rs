//! The outputs that the command line names.

use std::path::PathBuf;

/// What an output is for, which decides what happens to a file that is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputRole {
    /// A report: half of one is worth nothing, and is removed.
    Report,
    /// Events as they come: those that were written are kept.
    Events,
    /// A capture: what was saved is kept.
    Capture,
    /// A series of captures with numbered names.
    Series {
        /// Maximum number of whole files; 0 for no limit.
        keep: u16,
    },
}

/// An output that is going to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedOutput {
    /// What it is for.
    pub role: OutputRole,
    /// The path as the user named it; the files of a series are numbered before the extension.
    pub path: PathBuf,
}
