//! `portlore interface-bind`, the process that binds devices whose interface came back.

use portlore::Result;
use portlore::privilege::{self, Account};
use portlore::source::live::serve_rebinding;
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR1};

use super::helper;

pub fn run(user: Option<&str>) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    privilege::keep_binding(user)?;
    serve_rebinding(helper::connection(&[SIGHUP, SIGINT, SIGUSR1])?)?;
    Ok(0)
}
