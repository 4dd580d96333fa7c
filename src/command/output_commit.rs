//! `portlore output-commit`, the process that gives outputs their names.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use portlore::commit::{CommitServer, PlannedOutput, refuse};
use portlore::privilege::{self, Account};
use portlore::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use super::messages;

pub fn run(user: Option<&str>, force: bool, outputs: &[OsString]) -> Result<u8> {
    privilege::close_inherited();
    // A service manager signals all processes of a service. These signals are meant for the
    // process that parses: this one ends with its input, when every file has its name.
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1] {
        flag::register(signal, Arc::default()).map_err(|error| {
            Error::new(ErrorKind::System, format!("signals cannot be received: {error}"))
        })?;
    }
    let connection = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Error::new(ErrorKind::System, error.to_string()))?;
    let connection = UnixStream::from(connection);
    match open(user, force, outputs) {
        Ok(server) => {
            server.serve(&connection).iter().for_each(|line| messages::print(line));
        }
        Err(error) => refuse(&connection, error),
    }
    Ok(0)
}

fn open(user: Option<&str>, force: bool, outputs: &[OsString]) -> Result<CommitServer> {
    let user = user.map(Account::from_name).transpose()?;
    let name = privilege::keep_file_rights(user)?;
    let plans: Option<Vec<_>> =
        outputs.iter().map(|output| PlannedOutput::from_argument(output)).collect();
    let plans = plans.ok_or_else(|| Error::new(ErrorKind::Usage, "not the plan of an output"))?;
    let server = CommitServer::open(plans, force, &name)?;
    // Where the system cannot, the process that parses says so.
    let _ = privilege::confine_to_folders(server.folders());
    Ok(server)
}
