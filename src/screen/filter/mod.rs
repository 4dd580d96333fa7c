//! The filter of the four views: an expression over the columns, as `--where` has it, such as
//! `port:3001 tag:osc fit:!` or `bytes > 1M`.

mod completion;
mod prompt;
mod row;

pub(super) use self::prompt::FilterPrompt;
pub(super) use self::row::{FilterRow, SpokenHere};

use crate::flow_filter::{Expression, FilterFault};

/// A field of the filter.
pub(super) struct FilterField {
    /// Its name.
    pub(super) name: &'static str,
    /// What it selects, for help.
    pub(super) selects: &'static str,
}

/// The fields that are typed most, in the order of help.
pub(super) const FIELDS: [FilterField; 8] = [
    FilterField { name: "port", selects: "a number or a range: port:3001, port:3000-3010" },
    FilterField { name: "service", selects: "a service that is proved, by id or name" },
    FilterField { name: "tag", selects: "a family that is proved or possible: tag:osc" },
    FilterField { name: "protocol", selects: "a protocol: protocol:http" },
    FilterField { name: "process", selects: "a process of this machine, by name or pid" },
    FilterField { name: "server", selects: "a server, by address or name" },
    FilterField { name: "fit", selects: "fit:! (does not belong), fit:agrees, fit:unclaimed" },
    FilterField { name: "finding", selects: "a kind or severity: finding:alert" },
];

/// A filter, as it is typed after `/`.
#[derive(Debug, Clone, Default)]
pub(super) struct RowFilter(Expression);

impl RowFilter {
    /// Parses a filter.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, FilterFault> {
        Expression::parse(text).map(Self)
    }

    /// Parses a filter that is still being typed: a condition whose end is missing does not count.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn parse_partial(text: &str) -> Result<Self, FilterFault> {
        whole_part(text).map(|(_, filter)| filter)
    }

    /// Whether it selects everything.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the filter selects a row.
    pub(super) fn matches(&self, row: &dyn FilterRow) -> bool {
        self.0.matches(row)
    }
}

/// The part of a text that is a filter, without a condition whose end is missing.
fn whole_part(text: &str) -> Result<(&str, RowFilter), FilterFault> {
    match RowFilter::parse(text) {
        Ok(filter) => Ok((text.trim(), filter)),
        Err(fault) if fault.is_incomplete() && !text.is_empty() => {
            whole_part(text.trim_end().rsplit_once(' ').map_or("", |(before, _)| before))
        }
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_yet_typed_whole_selects_as_before() {
        for text in [
            "tag:osc",
            "tag:osc ",
            "tag:osc port:",
            "tag:osc -fit:",
            "tag:osc -",
            "tag:osc bytes",
            "tag:osc bytes >",
            "tag:osc and",
            "tag:osc and (port",
            "tag:osc and not host = \"a b",
            "tag:osc port in (80,",
        ] {
            assert_eq!(whole_part(text).unwrap().0, "tag:osc", "{text}");
        }
        assert!(RowFilter::parse_partial("prot:").is_err());
        assert!(RowFilter::parse_partial("tag:osc bytes > x").is_err());
        for nothing in ["", "  ", "port", "(", "!("] {
            assert!(RowFilter::parse_partial(nothing).unwrap().is_empty(), "{nothing}");
        }
    }
}
