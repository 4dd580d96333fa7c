//! What the process that parses asks for, and what it is answered.

use crate::Error;

/// What the parsing process asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Open the output.
    Open,
    /// The current file of a series is whole: open the next one.
    Rotate,
    /// Reply when what was asked for before is done.
    Settle,
    /// The file is whole: give it its name.
    Commit,
    /// The file is not whole, but worth keeping: give it its name if no file has it.
    CommitCutOff,
    /// Nothing in the file is worth keeping: remove it.
    Discard,
}

/// An action on an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommitRequest {
    pub(super) action: Action,
    /// Number of the output, in the order in which outputs were planned.
    pub(super) output: u8,
}

/// The reply to a request.
#[derive(Debug)]
pub(super) enum CommitReply<F> {
    Done,
    /// The output is open.
    File {
        file: F,
        /// The path at which it is until it is committed, for people.
        path: String,
    },
    Refused(Error),
}
