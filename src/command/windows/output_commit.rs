//! `portlore output-commit`: a thread commits outputs on Windows.

use std::ffi::OsString;

use portlore::Result;

use super::helper;

pub fn run(_: Option<&str>, _: bool, _: &[OsString]) -> Result<u8> {
    Err(helper::none())
}
