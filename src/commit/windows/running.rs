//! The committing thread, from the side that started it.

use std::io;
use std::thread::{Builder, JoinHandle};

use super::messages::CommitConnection;
use super::{CommitServer, PlannedOutput, refuse};
use crate::helper_process::Life;

/// A committing thread that was started.
pub(super) struct Running(JoinHandle<()>);

impl Running {
    /// Starts the committing thread. There is no other user to become.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn start(
        plans: &[PlannedOutput],
        force: bool,
        _: Option<&str>,
    ) -> io::Result<(CommitConnection, Self)> {
        let (ours, theirs) = CommitConnection::pair();
        let plans = plans.to_vec();
        let user = std::env::var("USERNAME").unwrap_or_default();
        let commit = move || match CommitServer::open(plans, force, &user) {
            Ok(server) => {
                server.serve(&theirs).iter().for_each(|line| eprintln!("portlore: {line}"));
            }
            Err(error) => refuse(&theirs, error),
        };
        Ok((ours, Self(Builder::new().name("commit".into()).spawn(commit)?)))
    }

    /// Waits for its end: a thread does not stop before its process does.
    pub(super) fn watch(self, _: impl FnMut(Life)) {
        self.wait();
    }

    /// Waits for its end.
    pub(super) fn wait(self) {
        // What a panic says is printed already.
        let _ = self.0.join();
    }
}

/// Ends the connection, and with it the thread.
pub(super) fn disconnect(connection: &mut CommitConnection) {
    connection.end();
}
