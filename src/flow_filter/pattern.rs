//! Texts that a text is compared with. No case is told from the other.

use regex_lite::{Regex, RegexBuilder};

/// Bytes of a compiled regular expression at most.
const REGEX_BYTES: usize = 1 << 20;

/// What a text has to be.
#[derive(Debug, Clone)]
pub enum TextPattern {
    /// Equal to this.
    Whole(String),
    /// Beginning with this, in lower case.
    Begins(String),
    /// Containing this, in lower case.
    Contains(String),
    /// Matching this somewhere.
    Regex(Regex),
}

impl TextPattern {
    /// A text that contains another.
    #[must_use]
    pub fn contains(text: &str) -> Self {
        Self::Contains(text.to_lowercase())
    }

    /// A text that begins with another.
    #[must_use]
    pub fn begins(text: &str) -> Self {
        Self::Begins(text.to_lowercase())
    }

    /// A text that matches a regular expression.
    pub(super) fn regex(text: &str) -> Result<Self, regex_lite::Error> {
        if !text.contains(|c: char| r"\.+*?()|[]{}^$#&-~".contains(c)) {
            return Ok(Self::contains(text));
        }
        let mut builder = RegexBuilder::new(text);
        builder.case_insensitive(true).size_limit(REGEX_BYTES).build().map(Self::Regex)
    }

    /// Whether a text is such a one.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => {
                text.eq_ignore_ascii_case(whole)
                    || !whole.is_ascii() && text.to_lowercase() == whole.to_lowercase()
            }
            Self::Begins(start) => begins(text, start),
            Self::Contains(part) if part.is_empty() => true,
            Self::Contains(part) if part.is_ascii() => {
                let mut windows = text.as_bytes().windows(part.len());
                windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
            }
            Self::Contains(part) => text.to_lowercase().contains(part),
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// Whether a number is such a text: it is compared as a whole.
    #[must_use]
    pub fn is_number(&self, number: i64) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(&number.to_string()),
            Self::Whole(text) | Self::Begins(text) | Self::Contains(text) => {
                text.parse() == Ok(number)
            }
        }
    }

    /// Whether a text begins with this one.
    #[must_use]
    pub fn is_start_of(&self, text: &str) -> bool {
        match self {
            Self::Whole(start) | Self::Begins(start) | Self::Contains(start) => begins(text, start),
            Self::Regex(regex) => regex.find(text).is_some_and(|found| found.start() == 0),
        }
    }
}

/// Whether a text begins with another, which is in lower case.
fn begins(text: &str, start: &str) -> bool {
    if start.is_ascii() {
        let text = text.as_bytes().get(..start.len());
        text.is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
    } else {
        text.to_lowercase().starts_with(&start.to_lowercase())
    }
}
