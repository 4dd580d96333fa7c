//! What a column is, and what it holds of a flow.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::pipeline::FlowView;
use crate::time::Time;

/// The type of a column, which every reader of tables has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text in UTF-8.
    Text,
    /// A signed number of 64 bits.
    Integer,
    /// A time in UTC, in whole microseconds.
    Timestamp,
}

impl ColumnType {
    /// The name in documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Timestamp => "timestamp",
        }
    }
}

/// The value of a column for one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'f> {
    /// Unknown, or not applicable to this flow.
    Missing,
    /// Text; untrusted if it comes from the wire or from a process.
    Text(Cow<'f, str>),
    /// A number, in the unit of the column.
    Integer(i64),
    /// A time of the capture.
    Timestamp(Time),
    /// An address; text in output.
    Address(IpAddr),
}

impl<'f> From<&'f str> for Value<'f> {
    fn from(text: &'f str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// Numbers above 2⁶³ − 1 are written as that.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<Time> for Value<'_> {
    fn from(time: Time) -> Self {
        Self::Timestamp(time)
    }
}

impl<'f, V: Into<Value<'f>>> From<Option<V>> for Value<'f> {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

/// A column.
#[derive(Debug)]
pub struct FlowColumn {
    /// The name, in lower case with `_` between words.
    pub name: &'static str,
    /// The type of all its values.
    pub kind: ColumnType,
    /// The unit of numbers; empty where there is none.
    pub unit: &'static str,
    /// What it holds, for people.
    pub meaning: &'static str,
    /// The facts that it shows, the first one that a flow has; empty for all other columns.
    pub facts: &'static [&'static str],
    /// The value for a flow.
    pub get: for<'f> fn(FlowView<'f>) -> Value<'f>,
}

impl FlowColumn {
    /// The value for a flow.
    #[must_use]
    pub fn value<'f>(&self, flow: FlowView<'f>) -> Value<'f> {
        if self.facts.is_empty() { (self.get)(flow) } else { first_fact(flow, self.facts).into() }
    }
}

/// The value of the first of these facts that was stated of a flow, by the order of `names`.
fn first_fact<'f>(flow: FlowView<'f>, names: &[&str]) -> Option<&'f str> {
    names.iter().find_map(|name| flow.verdict.first_values.get(name))
}
