//! `portlore sandbox-trial`, the process in which `doctor --sandbox-test` tries calls.

use portlore::{Result, privilege};

pub fn run(unsandboxed: bool) -> Result<u8> {
    privilege::be_tried(unsandboxed).map(|()| 0)
}
