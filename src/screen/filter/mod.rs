//! The filter of the four views: `port:3001 tag:osc fit:!`, all of which must match.

mod completion;
mod prompt;
mod term;

pub(super) use self::prompt::FilterPrompt;
pub(super) use self::term::{FilterRow, SpokenHere};

use self::term::FilterTerm;

/// A field of the filter.
pub(super) struct FilterField {
    /// Its name.
    pub(super) name: &'static str,
    /// What it selects, for help.
    pub(super) selects: &'static str,
}

/// The fields, in the order of help.
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowFilter {
    /// Each term, and whether it must match.
    terms: Vec<(bool, FilterTerm)>,
}

impl RowFilter {
    /// Parses a filter; a `-` or `!` before a term negates it.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let term = |word: &str| {
            let bare = match word {
                // What does not belong has this sign in the lists.
                "!" => word,
                _ => word.strip_prefix(['-', '!']).unwrap_or(word),
            };
            Ok((bare.len() == word.len(), FilterTerm::parse(&bare.to_lowercase())?))
        };
        Ok(Self { terms: text.split_whitespace().map(term).collect::<Result<_, String>>()? })
    }

    /// Parses a filter that is still being typed: a last word without a value yet does not count.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn parse_partial(text: &str) -> Result<Self, String> {
        let (before, last) = text.rsplit_once(' ').unwrap_or(("", text));
        let field = last.trim_start_matches(['-', '!']).strip_suffix(':');
        let is_open = last == "-"
            || field.is_some_and(|field| FIELDS.iter().any(|known| known.name == field));
        Self::parse(if is_open { before } else { text })
    }

    /// Whether it selects everything.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the filter selects a row.
    pub(super) fn matches(&self, row: &dyn FilterRow) -> bool {
        self.terms.iter().all(|(wanted, term)| term.matches(row) == *wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_in_a_few_words() {
        for (text, said) in [
            ("port:x", "x is not a port"),
            ("port:99999", "99999 is not a port"),
            ("prot:osc", "unknown field prot:"),
            ("tag:", "tag needs a value"),
            ("fit:x", "fit is !, agrees or unclaimed"),
            ("finding:x", "no finding kind or severity: x"),
        ] {
            let fault = RowFilter::parse(text).unwrap_err();
            assert_eq!(fault, said);
        }
        let long = format!("{}:1", "x".repeat(100));
        assert!(RowFilter::parse(&long).unwrap_err().chars().count() < 60);
    }

    #[test]
    fn what_is_not_yet_typed_whole_selects_as_before() {
        let whole = RowFilter::parse("tag:osc").unwrap();
        for text in ["tag:osc", "tag:osc ", "tag:osc port:", "tag:osc -fit:", "tag:osc -"] {
            assert_eq!(RowFilter::parse_partial(text).as_ref(), Ok(&whole), "{text}");
        }
        assert!(RowFilter::parse_partial("prot:").is_err());
        assert!(RowFilter::parse_partial("").unwrap().is_empty());
        assert_eq!(RowFilter::parse("!"), RowFilter::parse("fit:!"));
        assert_eq!(RowFilter::parse("!fit:agrees"), RowFilter::parse("-fit:agrees"));
    }
}
