//! `portlore interface-bind`, the process that binds devices whose interface came back.

use portlore::Result;
use portlore::privilege::{self, Account};
use portlore::source::live::serve_rebinding;

use super::helper;

pub fn run(user: Option<&str>) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    privilege::keep_binding(user)?;
    serve_rebinding(helper::connection(helper::OTHERS)?)?;
    Ok(0)
}
