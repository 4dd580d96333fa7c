//! Expressions, and what they are asked about.

use super::condition::ColumnCondition;
use super::fault::FilterFault;
use super::parser;
use super::pattern::TextPattern;
use crate::columns::{COLUMNS, FlowColumn, facts_of};

/// A text that is searched in what has no column of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextField {
    /// Id or name of a service.
    Service,
    /// Name or command of a process of this machine, or its number.
    Process,
    /// Address or name of a server.
    Server,
    /// Kind or severity of a finding, which begins with the text.
    Finding,
    /// All texts that are shown.
    Anything,
}

/// What an expression is asked about: a flow, or a row of a list that sums up several.
pub trait FilterSubject {
    /// Whether a value of the column satisfies the condition. A subject that sums up flows has
    /// several; one without the column has none.
    fn has_value(&self, column: &'static FlowColumn, condition: &ColumnCondition) -> bool;

    /// Whether a text is found in a field.
    fn shows(&self, field: TextField, pattern: &TextPattern) -> bool;
}

/// An expression that selects flows, or rows of lists.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Expression {
    /// All of these hold.
    All(Vec<Expression>),
    /// One of these holds.
    Any(Vec<Expression>),
    /// This does not hold.
    Not(Box<Expression>),
    /// The value of one of these columns satisfies the condition.
    Column(Vec<&'static FlowColumn>, ColumnCondition),
    /// The field has the text.
    Text(TextField, TextPattern),
}

/// One that selects everything.
impl Default for Expression {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Expression {
    /// Parses an expression; an empty text selects everything.
    ///
    /// # Errors
    /// What is wrong with it, where, and what would be right.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        parser::parse(text).map_err(|fault| fault.within(text))
    }

    /// Whether it selects everything because it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Whether it selects a subject.
    #[must_use]
    pub fn matches<S: FilterSubject + ?Sized>(&self, subject: &S) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(subject)),
            Self::Not(part) => !part.matches(subject),
            Self::Column(columns, condition) => {
                columns.iter().any(|column| subject.has_value(column, condition))
            }
            Self::Text(field, pattern) => subject.shows(*field, pattern),
        }
    }

    /// The columns that it compares with values; not those in which it searches for a text.
    #[must_use]
    pub fn compared_columns(&self) -> Vec<&'static FlowColumn> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().flat_map(Self::compared_columns).collect()
            }
            Self::Not(part) => part.compared_columns(),
            Self::Column(columns, _) => columns.clone(),
            Self::Text(..) => Vec::new(),
        }
    }

    /// The facts of which it needs the first values, each once.
    #[must_use]
    pub fn facts(&self) -> Vec<&'static str> {
        let mut columns = self.compared_columns();
        columns.extend(COLUMNS.iter().filter(|column| self.searches(column)));
        let mut facts = facts_of(columns);
        let mut seen = std::collections::HashSet::new();
        facts.retain(|fact| seen.insert(*fact));
        facts
    }

    /// Whether it searches for a text in a column of facts.
    fn searches(&self, column: &FlowColumn) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.searches(column)),
            Self::Not(part) => part.searches(column),
            Self::Text(TextField::Server, _) => ["sni", "host"].contains(&column.name),
            Self::Text(TextField::Anything, _) => !column.facts.is_empty(),
            Self::Text(..) | Self::Column(..) => false,
        }
    }

    /// Whether it compares findings, which single flows do not have.
    #[must_use]
    pub fn asks_for_findings(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_for_findings),
            Self::Not(part) => part.asks_for_findings(),
            Self::Text(field, _) => *field == TextField::Finding,
            Self::Column(..) => false,
        }
    }
}
