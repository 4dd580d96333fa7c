//! Selects flows by an expression over the [columns](crate::columns): `tag = osc and bytes > 1M`.
//!
//! `parser` reads the text with `scanner` and makes an `Expression` of it; `names` knows columns by
//! their names and short names, `values` what may be compared with each, `literals` numbers and
//! times. An expression is asked about a [`FilterSubject`]: a flow, or a row of a list that sums up
//! several. `docs/flows.md` has the grammar.

mod condition;
mod expression;
mod fault;
mod fields;
mod flow;
mod literals;
mod names;
mod parser;
mod pattern;
mod scanner;
#[cfg(test)]
mod tests;
mod values;

pub use self::condition::ColumnCondition;
pub use self::expression::{Expression, FilterSubject, TextField};
pub use self::fault::FilterFault;
pub use self::fields::finding_words;
pub(crate) use self::literals::number as number_with_unit;
pub use self::names::{column_names, words_of};
pub use self::pattern::TextPattern;

use crate::pipeline::FlowView;

/// An expression that selects flows, each by its own record and verdict.
#[derive(Debug, Clone)]
pub struct FlowFilter {
    text: String,
    expression: Expression,
}

impl FlowFilter {
    /// Parses an expression.
    ///
    /// # Errors
    /// What is wrong with it, where, and what would be right.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        let fault =
            |place, reason: &str, remedy: &str| FilterFault::new(text, place, reason, remedy);
        let expression = Expression::parse(text)?;
        if expression.is_empty() {
            return Err(fault(0..0, "the expression is empty", "write one such as 'tag = osc'"));
        }
        if expression.asks_for_findings() {
            let place = text.find("finding").unwrap_or(0);
            let (reason, remedy) = (
                "findings are made from the flows that are selected, and select none",
                "use 'fit = contradicts', or --fail-on",
            );
            return Err(fault(place..place + "finding".len(), reason, remedy));
        }
        Ok(Self { text: text.trim().to_owned(), expression })
    }

    /// Whether it selects a flow.
    #[must_use]
    pub fn matches(&self, flow: FlowView<'_>) -> bool {
        self.expression.matches(&flow)
    }

    /// The facts of which [`matches`](Self::matches) needs the first values, see
    /// [`Options::first_values`](crate::pipeline::Options::first_values).
    #[must_use]
    pub fn facts(&self) -> Vec<&'static str> {
        self.expression.facts()
    }

    /// The expression, for subjects that are not flows.
    #[must_use]
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The expression as it was written; untrusted.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// For options of the command line.
impl std::str::FromStr for FlowFilter {
    type Err = FilterFault;

    fn from_str(text: &str) -> Result<Self, FilterFault> {
        Self::parse(text)
    }
}
