//! `portlore process-lookup`, the helper process that `portlore live` starts.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use portlore::privilege::{self, Account};
use portlore::process;
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR1};
use signal_hook::flag;

use super::Errors;
use super::talk::{lines, one};

pub fn run(user: Option<&str>) -> Result<u8, Errors> {
    let user = user.map(Account::from_name).transpose().map_err(lines)?;
    privilege::keep_process_capabilities(user).map_err(lines)?;
    // A service manager signals all processes of a service. These signals are meant for the
    // capturing process: the helper process ignores them and ends with its input.
    for signal in [SIGHUP, SIGINT, SIGUSR1] {
        flag::register(signal, Arc::default())
            .map_err(|error| one(format!("signals cannot be received: {error}")))?;
    }
    let connection =
        io::stdin().as_fd().try_clone_to_owned().map_err(|error| one(error.to_string()))?;
    process::serve(connection.into()).map_err(lines)?;
    Ok(0)
}
