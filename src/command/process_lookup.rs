//! `portlore process-lookup`, the helper process that `portlore live` starts.

use portlore::privilege::{self, Account};
use portlore::{Result, process};

use super::helper;

pub fn run(user: Option<&str>) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    privilege::keep_process_capabilities(user)?;
    process::serve(helper::connection(helper::OTHERS)?)?;
    Ok(0)
}
