//! The trial of the sandbox: there is none to try.

use super::sandbox_test::SandboxTest;
use crate::{Error, ErrorKind, Result};

/// Says that there is no sandbox.
///
/// # Errors
/// Always ([`ErrorKind::Usage`]).
pub fn be_tried(_: bool) -> Result<()> {
    try_calls(false).map(drop)
}

/// Says that there is no sandbox.
///
/// # Errors
/// Always ([`ErrorKind::Usage`]).
pub fn try_calls(_: bool) -> Result<SandboxTest> {
    Err(Error::new(ErrorKind::Usage, "only on Linux, on x86-64 and AArch64")
        .with_object("--sandbox-test"))
}
