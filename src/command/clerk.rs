//! `portlore clerk`, which `portlore live` starts.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use portlore::privilege::{self, Account};
use portlore::{Error, ErrorKind, Result, process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR1};
use signal_hook::flag;

use super::errors::with_kind;

pub fn run(user: Option<&str>) -> Result<u8> {
    let user = user.map(Account::named).transpose().map_err(with_kind(ErrorKind::Usage))?;
    privilege::keep_sight(user).map_err(with_kind(ErrorKind::Permission))?;
    // A service's signals go to all its processes. They are meant for the one that captures: this
    // one ends with its input.
    for signal in [SIGHUP, SIGINT, SIGUSR1] {
        flag::register(signal, Arc::default()).map_err(|error| {
            Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
        })?;
    }
    let line = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Error::new(ErrorKind::System, error.to_string()))?;
    process::serve(line.into()).map_err(with_kind(ErrorKind::System))?;
    Ok(0)
}
