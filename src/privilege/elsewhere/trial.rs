//! The trial of the sandbox: there is none to try.

use crate::{Error, ErrorKind, Result};

/// The answer to a call that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The call, with what matters of its arguments.
    pub call: String,
    /// Whether the call was refused.
    pub refused: bool,
    /// The answer.
    pub answer: String,
}

/// What became of the trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxTest {
    /// The process.
    pub process: String,
    /// The answers.
    pub trials: Vec<Trial>,
}

/// The hidden subcommand that runs the process in which calls are tried.
pub const TRIAL_COMMAND: &str = "sandbox-trial";

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
