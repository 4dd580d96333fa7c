//! `portlore service-files`: live capture has service files read again, and there is none on Windows.

use std::path::PathBuf;

use portlore::Result;

use super::helper;

/// The hidden subcommand that runs the process elsewhere.
pub const COMMAND: &str = "service-files";

/// The service files of a capture.
pub struct ServiceFiles;

impl ServiceFiles {
    /// Says that they cannot be read again.
    ///
    /// # Errors
    /// Always.
    pub fn start(_: &[PathBuf], _: Option<&str>) -> Result<Self> {
        Err(helper::none())
    }
}

pub fn run(_: Option<&str>, _: &[PathBuf]) -> Result<u8> {
    Err(helper::none())
}
