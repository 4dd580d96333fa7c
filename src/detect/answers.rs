//! The answers of one conversation, of which errors are counted.

use crate::evidence::Failure;

/// How many answers of a conversation were errors.
///
/// A detector counts what answers a request or a log-in, and leaves out what is neither: greetings,
/// interim answers, and requests for credentials.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    successes: u32,
    errors: u32,
    /// The first error in the order in which the sides are read.
    first: Option<Box<Failure>>,
}

impl Answers {
    /// Counts an answer that is no error.
    pub(crate) const fn succeeded(&mut self) {
        self.successes = self.successes.saturating_add(1);
    }

    /// Counts an error.
    pub(crate) fn failed(&mut self, failure: impl FnOnce() -> Failure) {
        self.errors = self.errors.saturating_add(1);
        self.first.get_or_insert_with(|| Box::new(failure()));
    }

    /// Adds the answers of the other side.
    pub(crate) fn merge(&mut self, other: Self) {
        self.successes = self.successes.saturating_add(other.successes);
        self.errors = self.errors.saturating_add(other.errors);
        self.first = self.first.take().or(other.first);
    }

    /// Whether no error was counted yet.
    pub(crate) const fn is_flawless(&self) -> bool {
        self.errors == 0
    }

    /// The first error, if most answers are errors.
    pub(crate) fn failure(self) -> Option<Box<Failure>> {
        self.first.filter(|_| self.errors > self.successes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Direction, FailureScope};

    #[test]
    fn a_conversation_fails_if_most_answers_are_errors() {
        let of = |successes, errors| {
            let mut answers = Answers::default();
            (0..successes).for_each(|_| answers.succeeded());
            let failure =
                |frame| Failure::new("SIP 403", FailureScope::Request, Direction::Responder, frame);
            (0..errors).for_each(|frame| answers.failed(|| failure(frame)));
            answers.failure().map(|failure| failure.frame)
        };
        assert_eq!(of(0, 0), None);
        assert_eq!(of(0, 1), Some(0));
        assert_eq!(of(1, 1), None);
        assert_eq!(of(1, 2), Some(0));
        assert_eq!(of(2, 1), None);
    }
}
