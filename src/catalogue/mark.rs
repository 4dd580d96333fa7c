//! Marks: conditions on facts by which a service is recognised.
//!
//! A mark is what other tools call a signature or a fingerprint; the name is the key in catalogue
//! files.

use std::fmt;
use std::sync::OnceLock;

use memchr::memmem::Finder;
use regex_lite::Regex;

use super::literal;
use crate::evidence::{Direction, Fact};
use crate::{Error, ErrorKind, Result};

/// A comparison with a fact's value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compare {
    /// The value is this text.
    Equals(String),
    /// The value begins with this text.
    Prefix(String),
    /// The value ends with this text.
    Suffix(String),
    /// The value contains this text.
    Contains(Needle),
    /// The value has a match of this pattern anywhere.
    Matches(Pattern),
}

/// A prepared substring search: marks search bodies of many kilobytes.
#[derive(Debug, Clone)]
pub struct Needle(Box<Finder<'static>>);

impl Needle {
    /// Prepares the search for `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Box::new(Finder::new(text).into_owned()))
    }

    /// The byte offset of the first occurrence in `value`.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<usize> {
        self.0.find(value.as_bytes())
    }

    /// What is searched for.
    pub(super) fn text(&self) -> &[u8] {
        self.0.needle()
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

impl Eq for Needle {}

/// A regular expression, <https://docs.rs/regex-lite/latest/regex_lite/#syntax>. It matches
/// anywhere in a value unless it is anchored. Compiled when it is first tried: most captures try
/// few of the catalogue's.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// `None` if the text is not a regular expression.
    compiled: OnceLock<Option<CompiledPattern>>,
}

#[derive(Debug, Clone)]
struct CompiledPattern {
    regex: Regex,
    /// Text that every match contains.
    required: Option<Needle>,
}

impl CompiledPattern {
    fn new(text: &str) -> Result<Self, regex_lite::Error> {
        let required = literal::required(text).map(|text| Needle::new(&text));
        Ok(Self { regex: Regex::new(text)?, required })
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The syntax error in `text`.
    pub fn new(text: &str) -> Result<Self> {
        let compiled = CompiledPattern::new(text).map_err(|error| {
            let reason = format!("matches: '{text}' is not a valid regular expression: {error}");
            Error::new(ErrorKind::Catalogue, reason)
        })?;
        Ok(Self { text: text.to_owned(), compiled: OnceLock::from(Some(compiled)) })
    }

    /// A pattern of the shipped catalogue, which tests have compiled; another one matches nothing.
    pub(super) const fn shipped(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// The regular expression as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn compiled(&self) -> Option<&CompiledPattern> {
        self.compiled.get_or_init(|| CompiledPattern::new(&self.text).ok()).as_ref()
    }

    /// The byte offset of the first match in `value`.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<usize> {
        let CompiledPattern { regex, required } = self.compiled()?;
        if required.as_ref().is_some_and(|needle| needle.find(value).is_none()) {
            return None;
        }
        regex.find(value).map(|found| found.start())
    }

    /// What the first group of the pattern takes from `value`.
    fn captured<'v>(&self, value: &'v str) -> Option<&'v str> {
        Some(self.compiled()?.regex.captures(value)?.get(1)?.as_str())
    }

    /// Whether the pattern has a group.
    fn has_group(&self) -> bool {
        self.compiled().is_some_and(|compiled| compiled.regex.captures_len() > 1)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// A condition on one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Condition {
    /// The name of the fact.
    pub fact: String,
    /// Comparisons that must all hold of one value; empty if the fact alone is enough.
    pub compare: Vec<Compare>,
    /// Whether ASCII letters match in either case; `compare` is in lower case then.
    pub ignore_case: bool,
    /// The side that must have sent the fact, if it matters.
    pub direction: Option<Direction>,
}

impl Condition {
    /// Whether a fact fulfils the condition.
    #[must_use]
    pub fn holds(&self, fact: &Fact) -> bool {
        fact.name.is(&self.fact)
            && self.direction.is_none_or(|d| d == fact.direction)
            && self.accepts(&fact.value)
    }

    /// Whether the comparisons hold of a value.
    pub(super) fn accepts(&self, value: &str) -> bool {
        if self.ignore_case {
            let lower = value.to_ascii_lowercase();
            return self.compare.iter().all(|compare| compare.holds(&lower));
        }
        self.compare.iter().all(|compare| compare.holds(value))
    }
}

impl fmt::Display for Condition {
    /// The condition as a phrase: `http.status is 404`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fact)?;
        for (i, compare) in self.compare.iter().enumerate() {
            write!(f, "{} {compare}", if i == 0 { "" } else { " and" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(text) => write!(f, "is {text}"),
            Self::Prefix(text) => write!(f, "begins with {text}"),
            Self::Suffix(text) => write!(f, "ends with {text}"),
            Self::Contains(Needle(finder)) => {
                write!(f, "contains {}", String::from_utf8_lossy(finder.needle()))
            }
            Self::Matches(pattern) => write!(f, "matches {}", pattern.text()),
        }
    }
}

impl Condition {
    /// What the condition expects: `http.status to be '404'`; the fact alone if any value holds.
    #[must_use]
    pub fn expectation(&self) -> String {
        let expected: Vec<String> = self.compare.iter().map(Compare::expectation).collect();
        [self.fact.clone(), expected.join(" and ")].join(" ").trim_end().to_owned()
    }
}

impl Compare {
    fn expectation(&self) -> String {
        match self {
            Self::Equals(text) => format!("to be '{text}'"),
            Self::Prefix(text) => format!("to begin with '{text}'"),
            Self::Suffix(text) => format!("to end with '{text}'"),
            Self::Contains(Needle(finder)) => {
                format!("to contain '{}'", String::from_utf8_lossy(finder.needle()))
            }
            Self::Matches(pattern) => format!("to match '{}'", pattern.text),
        }
    }

    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => value == text,
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
            Self::Contains(needle) => needle.find(value).is_some(),
            Self::Matches(pattern) => pattern.find(value).is_some(),
        }
    }
}

/// The name that a mark gives what it recognises, made from a part of the value: `$1`, and the text
/// around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    before: String,
    after: String,
}

impl NameTemplate {
    /// The longest name in characters.
    const LONGEST: usize = 64;

    /// Reads a template.
    ///
    /// # Errors
    /// Where `$1` does not stand in `text` exactly once.
    pub fn new(text: &str) -> Result<Self> {
        let parts = text.split_once("$1").filter(|(_, after)| !after.contains("$1"));
        let Some((before, after)) = parts else {
            let reason = format!("name: '{text}' must contain $1 exactly once");
            return Err(Error::new(ErrorKind::Catalogue, reason));
        };
        Ok(Self { before: before.into(), after: after.into() })
    }

    /// The name with what was `captured`, on one line.
    fn name(&self, captured: &str) -> Option<String> {
        let captured = captured.trim();
        let words = || self.before.chars().chain(captured.chars()).chain(self.after.chars());
        let name = || words().map(|c| if c.is_control() { ' ' } else { c });
        if captured.is_empty() {
            None
        } else if name().count() <= Self::LONGEST {
            Some(name().collect())
        } else {
            Some(name().take(Self::LONGEST - 1).chain(['…']).collect())
        }
    }
}

/// Conditions on facts that together name a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mark {
    /// The condition whose fact the catalogue indexes the mark by.
    pub first: Condition,
    /// Further conditions, on facts of the same exchange; on facts of the whole flow if the
    /// protocol has no exchanges.
    pub and: Vec<Condition>,
    /// How the service is called by what the first condition matches.
    pub name: Option<NameTemplate>,
    /// The source, a URL or an RFC.
    pub cite: Option<String>,
    /// The versions of the real software that was run and captured to prove the mark.
    pub proved: Vec<String>,
    /// The description that the mark was made from where no such software was run: a URL or an RFC.
    pub document: Option<String>,
    /// The line of the catalogue file, counted from 1.
    pub line: usize,
}

impl Mark {
    /// The name that the mark takes from the fact of its first condition: untrusted, at most 64
    /// characters.
    #[must_use]
    pub fn service_name(&self, fact: &Fact) -> Option<String> {
        let template = self.name.as_ref()?;
        let captured = self.patterns().find_map(|pattern| pattern.captured(&fact.value));
        template.name(captured?)
    }

    /// Whether there is a match to make a name from.
    pub(super) fn captures(&self) -> bool {
        self.patterns().any(Pattern::has_group)
    }

    /// The patterns of the first condition.
    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.first.compare.iter().filter_map(|compare| match compare {
            Compare::Matches(pattern) => Some(pattern),
            _ => None,
        })
    }

    /// The facts that fulfil the mark, beginning with `fact`, which must fulfil the first
    /// condition; `None` if the mark does not hold.
    #[must_use]
    pub fn proof<'f>(&self, fact: &'f Fact, all: &'f [Fact]) -> Option<Vec<&'f Fact>> {
        if !self.first.holds(fact) {
            return None;
        }
        let mut proof = vec![fact];
        for condition in &self.and {
            let same_exchange = |other: &&Fact| {
                other.exchange == fact.exchange || other.exchange == 0 || fact.exchange == 0
            };
            proof.push(all.iter().filter(same_exchange).find(|fact| condition.holds(fact))?);
        }
        Some(proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_from_the_match_on_one_line_and_cut() {
        let name =
            |template: &str, captured: &str| NameTemplate::new(template).unwrap().name(captured);
        assert_eq!(name("$1", " node\x1b[2J ").as_deref(), Some("node [2J"));
        assert_eq!(name("by $1 only", "node").as_deref(), Some("by node only"));
        assert_eq!(name("$1", "\r\n"), None);
        let long = name("by $1", &"é".repeat(500)).unwrap();
        assert!(long.chars().count() == 64 && long.ends_with("é…"), "{long}");
        for wrong in ["", "node", "$1 and $1"] {
            assert!(NameTemplate::new(wrong).is_err(), "{wrong}");
        }
    }
}
