//! Marks: facts that name a service.

use memchr::memmem::Finder;
use regex_lite::Regex;

use crate::evidence::{Direction, Fact};

/// How a fact's value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// Just this.
    Equals(String),
    /// Begins with this.
    Prefix(String),
    /// Ends with this.
    Suffix(String),
    /// Has this in it.
    Contains(Needle),
    /// Has in it what this pattern describes.
    Matches(Pattern),
}

/// A text to be looked for, prepared once: marks search bodies of many kilobytes.
#[derive(Debug, Clone)]
pub struct Needle(Box<Finder<'static>>);

impl Needle {
    /// Prepares the search.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Box::new(Finder::new(text).into_owned()))
    }

    /// Where it stands first.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<usize> {
        self.0.find(value.as_bytes())
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

impl Eq for Needle {}

/// A regular expression, <https://docs.rs/regex-lite/latest/regex_lite/#syntax>; looked for
/// anywhere unless anchored.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        Regex::new(text)
            .map(Self)
            .map_err(|error| format!("matches: '{text}' is no regular expression: {error}"))
    }

    /// Where the first match begins.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<usize> {
        self.0.find(value).map(|found| found.start())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// One condition on one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The fact's name.
    pub fact: String,
    /// What it must say, all of it in one value; nothing where the fact is enough.
    pub compare: Vec<Compare>,
    /// ASCII letters match in either case; `compare` is in lower case then.
    pub ignore_case: bool,
    /// Who must have said it.
    pub direction: Option<Direction>,
}

impl Condition {
    /// Whether the fact fulfils it.
    #[must_use]
    pub fn holds(&self, fact: &Fact) -> bool {
        let named = match &fact.name.leaf {
            None => self.fact == fact.name.stem,
            Some(leaf) => self
                .fact
                .strip_prefix(fact.name.stem)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| rest == leaf),
        };
        named && self.direction.is_none_or(|d| d == fact.direction) && self.says(&fact.value)
    }

    fn says(&self, value: &str) -> bool {
        if self.ignore_case {
            let lower = value.to_ascii_lowercase();
            return self.compare.iter().all(|compare| compare.holds(&lower));
        }
        self.compare.iter().all(|compare| compare.holds(value))
    }
}

impl Compare {
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

/// Facts that name a service: the first, and those that must hold beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The condition by which the mark is found.
    pub first: Condition,
    /// Conditions on other facts of the same exchange; of the whole flow where the language has no
    /// exchanges.
    pub and: Vec<Condition>,
    /// The source.
    pub cite: Option<String>,
    /// The line of the file where it stands.
    pub line: usize,
}

impl Mark {
    /// The facts that fulfil it, `fact` being the one that it was found by.
    #[must_use]
    pub fn proof<'f>(&self, fact: &'f Fact, all: &'f [Fact]) -> Option<Vec<&'f Fact>> {
        if !self.first.holds(fact) {
            return None;
        }
        let mut proof = vec![fact];
        for condition in &self.and {
            let together = |other: &&Fact| {
                other.exchange == fact.exchange || other.exchange == 0 || fact.exchange == 0
            };
            proof.push(all.iter().filter(together).find(|fact| condition.holds(fact))?);
        }
        Some(proof)
    }
}
