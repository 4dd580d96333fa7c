//! What people expect of a capture: rules over its servers, its flows and its findings, from a file
//! that a person can write.
//!
//! `parse` reads the file (`schema`) and makes [`Expectations`] of it (`rule`, `selector`, `spoken`),
//! [`Checker`] compares them with a capture, and [`learn()`] writes a first file of one.
//! `docs/expectations.md` has the grammar.

mod broken;
mod check;
mod learn;
mod parse;
mod rule;
mod schema;
mod selector;
mod spoken;

use std::io::Read;

pub use self::check::{Checked, CheckedRule, Checker, Violation};
pub use self::learn::learn;
pub use self::rule::{
    Expectation, Expectations, FindingRule, FlowRule, Rule, RuleKind, ServerRule,
};
pub use self::selector::ServerSelector;
pub use self::spoken::SpokenName;

use crate::catalogue::Catalogue;
use crate::flow_filter::FlowFilter;
use crate::{Error, ErrorKind, Result};

impl Expectations {
    /// Reads a file; errors name it as `file`.
    ///
    /// # Errors
    /// [`ErrorKind::Expectations`] if it cannot be read, is too large, or is not valid.
    pub fn read(input: impl Read, file: &str, catalogue: &Catalogue) -> Result<Self> {
        let error = |reason: String| Error::new(ErrorKind::Expectations, reason).with_object(file);
        let mut bytes = Vec::new();
        let limit = parse::MAX_BYTES as u64 + 1;
        let read = input.take(limit).read_to_end(&mut bytes);
        read.map_err(|fault| error(format!("cannot be read: {fault}")))?;
        if bytes.len() > parse::MAX_BYTES {
            return Err(error("is too large: more than 1 MiB".into())
                .with_remedy("name a file of expectations first, then the captures"));
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            error("is not a file of expectations: it is not text".into())
                .with_remedy("name a file of expectations first, then the captures")
        })?;
        Self::parse(&text, file, catalogue)
    }

    /// The facts whose first values the filters of rules need, see
    /// [`Options::first_values`](crate::pipeline::Options::first_values).
    #[must_use]
    pub fn facts(&self) -> Vec<&'static str> {
        let filters = self.rules.iter().flat_map(|rule| match &rule.kind {
            RuleKind::Flows(rule) => [rule.filter.as_ref(), rule.only.as_ref()],
            RuleKind::Servers(_) | RuleKind::Findings(_) => [None, None],
        });
        let mut facts: Vec<&str> = filters.flatten().flat_map(FlowFilter::facts).collect();
        facts.sort_unstable();
        facts.dedup();
        facts
    }
}

#[cfg(test)]
mod tests;
