//! Whether a helper process can answer.

/// Whether a helper process can answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    #[default]
    Running,
    /// A signal has stopped it, such as SIGSTOP; SIGCONT lets it go on.
    Stopped,
    /// It is gone.
    Ended,
}
