//! `portlore clerk`, which `portlore live` starts.

use std::io;
use std::os::fd::AsFd;

use portlore::privilege::{self, Account};
use portlore::process;

use super::Errors;
use super::talk::one;

pub fn run(user: Option<&str>) -> Result<u8, Errors> {
    let user = user.map(Account::named).transpose().map_err(one)?;
    privilege::keep_sight(user).map_err(one)?;
    let line = io::stdin().as_fd().try_clone_to_owned().map_err(|error| one(error.to_string()))?;
    process::serve(line.into()).map_err(one)?;
    Ok(0)
}
