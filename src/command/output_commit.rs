//! `portlore output-commit`, the process that gives outputs their names.

use std::ffi::OsString;
use std::os::fd::AsFd;

use portlore::commit::{CommitServer, PlannedOutput, refuse};
use portlore::privilege::{self, Account};
use portlore::{Error, ErrorKind, Result};

use super::{helper, messages};

pub fn run(user: Option<&str>, force: bool, outputs: &[OsString]) -> Result<u8> {
    privilege::close_inherited();
    // Its input ends when every file has its name; no signal ends it before.
    let connection = helper::connection(helper::ALL)?;
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
    let _ = privilege::confine_to_folders(server.folders().map(AsFd::as_fd));
    Ok(server)
}
