//! The committing process, from the side that started it.

use std::io;
use std::net::Shutdown;
use std::process::Child;

use super::messages::CommitConnection;
use super::{CommitHelper, PlannedOutput};
use crate::helper_process::{self, Life};

/// A committing process that was started.
pub(super) struct Running(Child);

impl From<Child> for Running {
    fn from(process: Child) -> Self {
        Self(process)
    }
}

impl Running {
    /// Starts the committing process, which becomes `user` where one is given.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn start(
        plans: &[PlannedOutput],
        force: bool,
        user: Option<&str>,
    ) -> io::Result<(CommitConnection, Self)> {
        let (ours, process) = helper_process::start(CommitHelper::COMMAND, |command| {
            command
                .args(user.map(|user| format!("--user={user}")))
                .args(force.then_some("--force"))
                .arg("--")
                .args(plans.iter().map(PlannedOutput::to_argument))
        })?;
        Ok((ours, Self(process)))
    }

    /// Waits for its end, and calls `change` with each change until then.
    pub(super) fn watch(self, change: impl FnMut(Life)) {
        helper_process::watch(self.0, change);
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) {
        // One that is gone was waited for.
        let _ = self.0.wait();
    }
}

/// Ends the connection, and with it the process.
pub(super) fn disconnect(connection: &mut CommitConnection) {
    // The other side may be gone.
    let _ = connection.shutdown(Shutdown::Both);
}
