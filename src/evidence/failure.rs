//! What a flow's answers say went wrong.

use serde::{Deserialize, Serialize};

use super::Direction;

/// What an error says of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FailureScope {
    /// One request was turned down, as happens where all works: a password was mistyped, a telephone
    /// is busy, a mailbox does not exist, a page breaks.
    Request,
    /// Whoever asks is turned down: sessions are refused, handshakes fail, the service is overloaded.
    Service,
}

/// An error that most answers of a flow are: the protocol is spoken, but what was asked for does not
/// work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The protocol and the error in the protocol's own words, such as `SIP 403` or
    /// `TLS alert: unknown_ca (48)`: at most [`Failure::LONGEST`] bytes of printable ASCII, and the
    /// same for every flow that fails so.
    pub cause: String,
    /// What it says of the server.
    pub scope: FailureScope,
    /// The side that sent the error.
    pub direction: Direction,
    /// The number of the frame in which the first of the errors begins.
    pub frame: u64,
}

impl Failure {
    /// Bytes of a cause at most.
    pub const LONGEST: usize = 48;

    /// A failure with the printable characters of a cause, up to the longest length.
    #[must_use]
    pub fn new(cause: &str, scope: FailureScope, direction: Direction, frame: u64) -> Self {
        let is_printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        let cause = cause.chars().filter(is_printable).take(Self::LONGEST).collect();
        Self { cause, scope, direction, frame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_short_and_printable() {
        let long = "SQL\u{1b}[31m é".repeat(40);
        let failure = Failure::new(&long, FailureScope::Request, Direction::Responder, 7);
        assert_eq!(failure.cause.len(), Failure::LONGEST);
        assert!(failure.cause.starts_with("SQL[31m SQL["), "{}", failure.cause);
    }
}
