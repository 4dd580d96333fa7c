//! What a trial of the sandbox gives.

/// The hidden subcommand that runs the process in which calls are tried.
pub const TRIAL_COMMAND: &str = "sandbox-trial";

/// The answer to a call that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The call, with what matters of its arguments.
    pub call: String,
    /// Whether the call was refused.
    pub refused: bool,
    /// The kernel's answer, such as `EPERM`.
    pub answer: String,
}

/// What became of the trials in a process that is sandboxed like the one that parses packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxTest {
    /// The process: its user, capabilities and root folder, in one sentence.
    pub process: String,
    /// The answers.
    pub trials: Vec<Trial>,
}
