//! `portlore interface-bind`, the process that binds devices whose interface came back.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use portlore::privilege::{self, Account};
use portlore::source::live::serve_rebinding;
use portlore::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR1};
use signal_hook::flag;

pub fn run(user: Option<&str>) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    privilege::keep_binding(user)?;
    // A service manager signals all processes of a service. This one ends with its input.
    for signal in [SIGHUP, SIGINT, SIGUSR1] {
        flag::register(signal, Arc::default()).map_err(|error| {
            Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
        })?;
    }
    let connection = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Error::new(ErrorKind::System, error.to_string()))?;
    serve_rebinding(connection.into())?;
    Ok(0)
}
