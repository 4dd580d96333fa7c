//! `portlore process-lookup`, the helper process that `portlore live` starts.

use portlore::privilege::{self, Account};
use portlore::{Result, process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR1};

use super::helper;

pub fn run(user: Option<&str>) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    privilege::keep_process_capabilities(user)?;
    process::serve(helper::connection(&[SIGHUP, SIGINT, SIGUSR1])?)?;
    Ok(0)
}
