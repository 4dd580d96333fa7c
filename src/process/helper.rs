//! The helper process: this program again, started before privileges are dropped, ended by the end
//! of its input.
//!
//! The helper process reads lookup requests and no packets, and replies from the system's tables.
//! It keeps the capabilities to see other users' processes and no others, so the program must have
//! been started with them: as root, or after `setcap cap_sys_ptrace,cap_dac_read_search+ep`.

use std::io;
use std::process::Child;

use crate::helper_process::{self, HelperConnection};
use crate::{Error, ErrorKind, Result};

/// A started helper process, before the first request.
pub struct ProcessHelper {
    /// The capturing side's end of the connection.
    pub(super) connection: HelperConnection,
    pub(super) process: Child,
}

impl ProcessHelper {
    /// The hidden subcommand that runs the helper process; `ps` shows it.
    pub const COMMAND: &str = "process-lookup";

    /// Starts the helper process, which becomes `user` where one is given, else the user who called
    /// sudo. Call this while this process still has its privileges.
    ///
    /// # Errors
    /// The system's reason.
    pub fn start(user: Option<&str>) -> Result<Self> {
        let started = helper_process::start(Self::COMMAND, |command| {
            command.args(user).stderr(helper_process::no_output()).current_dir("/")
        });
        started
            .map(|(connection, process)| Self { connection, process })
            .map_err(|error| unavailable(&error))
    }
}

/// The error of a helper process that cannot be started or reached.
pub(super) fn unavailable(error: &io::Error) -> Error {
    Error::new(ErrorKind::System, format!("processes cannot be identified: {error}"))
}

/// Runs the helper process: replies to the requests on `connection` until the other side closes it.
///
/// # Errors
/// A request that cannot be parsed, or the system's reason.
pub fn serve(connection: HelperConnection) -> Result<()> {
    super::server::serve(connection)
}
