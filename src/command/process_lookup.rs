//! `portlore process-lookup`, the helper process that `portlore live` starts.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use portlore::privilege::{self, Account};
use portlore::{Error, ErrorKind, Result, process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR1};
use signal_hook::flag;

pub fn run(user: Option<&str>) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    privilege::keep_process_capabilities(user)?;
    // A service manager signals all processes of a service. These signals are meant for the
    // capturing process: the helper process ignores them and ends with its input.
    for signal in [SIGHUP, SIGINT, SIGUSR1] {
        flag::register(signal, Arc::default()).map_err(|error| {
            Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
        })?;
    }
    let connection = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Error::new(ErrorKind::System, error.to_string()))?;
    process::serve(connection.into())?;
    Ok(0)
}
