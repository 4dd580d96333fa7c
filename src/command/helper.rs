//! What the helper processes have in common, each of which is a hidden subcommand.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use portlore::helper_process::HelperConnection;
use portlore::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use super::signal_flags::not_received;

/// Signals that concern the process that captures, and no helper process.
pub const OTHERS: &[i32] = &[SIGHUP, SIGINT, SIGUSR1];
/// All signals that could end a helper process before its input does.
pub const ALL: &[i32] = &[SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1];

/// The connection to the process that started this one, at standard input. These signals are ignored
/// from now on: a service manager signals all processes of a service, but a helper process ends with
/// its input.
///
/// # Errors
/// The system's reason.
pub fn connection(ignored: &[i32]) -> Result<HelperConnection> {
    for &signal in ignored {
        flag::register(signal, Arc::default()).map_err(|error| not_received(&error))?;
    }
    let input = io::stdin().as_fd().try_clone_to_owned();
    input
        .map(HelperConnection::from)
        .map_err(|error| Error::new(ErrorKind::System, error.to_string()))
}
