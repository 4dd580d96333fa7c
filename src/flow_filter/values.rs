//! What may be compared with a column, and how.

use std::net::IpAddr;
use std::ops::Range;

use super::condition::{AddressSet, ColumnCondition, ValueSet};
use super::fault::{ParseFault, Parsed, quote};
use super::literals;
use super::names::{ColumnDomain, NamedColumns, words_of};
use super::pattern::TextPattern;
use super::scanner::ScannedWord;
use crate::sentence::joined;
use crate::similar::did_you_mean;
use crate::stats::IpNetwork;

/// The word for a missing value.
const NONE: &str = "none";
/// Words that a fault lists at most.
const LISTED: usize = 12;

/// How a column is compared; what negates it is left to the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Like,
    In,
}

/// A comparison whose values are read.
pub(super) struct Comparison<'p> {
    /// The name of the column as it was written.
    pub(super) name: &'p str,
    pub(super) named: &'p NamedColumns,
    pub(super) operator: Operator,
    /// The bytes of the operator.
    pub(super) place: Range<usize>,
}

impl Comparison<'_> {
    /// The condition that these values make; there is one value at least, and one only but for `in`.
    pub(super) fn condition(&self, words: &[ScannedWord]) -> Parsed<ColumnCondition> {
        let mut condition = match self.operator {
            Operator::Equal | Operator::In => self.one_of(words)?,
            Operator::Like => self.like(words)?,
            _ => self.ordered(words)?,
        };
        condition.is_of_list = self.named.domain == ColumnDomain::List;
        Ok(condition)
    }

    /// The first of the columns, which knows the words.
    fn column(&self) -> &'static str {
        self.named.columns.first().map_or("", |column| column.name)
    }

    fn one_of(&self, words: &[ScannedWord]) -> Parsed<ColumnCondition> {
        let is_none = |word: &&ScannedWord| !word.is_quoted && word.text.eq_ignore_ascii_case(NONE);
        let values = words.iter().filter(|word| !is_none(word));
        let values = match self.named.domain {
            ColumnDomain::Address => {
                ValueSet::Addresses(values.map(|word| self.addresses(word)).collect::<Parsed<_>>()?)
            }
            ColumnDomain::Words { .. } => {
                ValueSet::Words(values.map(|word| self.word(word)).collect::<Parsed<_>>()?)
            }
            ColumnDomain::List | ColumnDomain::Text => {
                ValueSet::Texts(values.map(|word| TextPattern::Whole(word.text.clone())).collect())
            }
            _ => ValueSet::Numbers(values.map(|word| self.numbers(word)).collect::<Parsed<_>>()?),
        };
        let missing = words.iter().any(|word| is_none(&word));
        Ok(ColumnCondition { missing, ..ColumnCondition::new(values) })
    }

    fn like(&self, words: &[ScannedWord]) -> Parsed<ColumnCondition> {
        let has_text = matches!(
            self.named.domain,
            ColumnDomain::Text
                | ColumnDomain::List
                | ColumnDomain::NumberText
                | ColumnDomain::Words { .. }
                | ColumnDomain::Address
        );
        if !has_text {
            let reason = format!("~ searches in texts, and {} has numbers", self.name);
            return Err(ParseFault::new(self.place.clone(), reason, "use =, <, > or in"));
        }
        let pattern = |word: &ScannedWord| {
            TextPattern::regex(&word.text).map_err(|error| {
                let reason =
                    format!("{} is not a valid regular expression: {error}", quote(&word.text));
                let remedy = r"put \ before characters that are to be matched literally";
                ParseFault::new(word.place.clone(), reason, remedy)
            })
        };
        Ok(ColumnCondition::new(ValueSet::Texts(words.iter().map(pattern).collect::<Parsed<_>>()?)))
    }

    fn ordered(&self, words: &[ScannedWord]) -> Parsed<ColumnCondition> {
        let Some(word) = words.first() else { return self.one_of(words) };
        match self.named.domain {
            ColumnDomain::Words { has_order: true } => {
                let bound = self.word(word)?;
                let all = words_of(self.column());
                let bound = all.iter().position(|known| *known == bound).unwrap_or(0);
                let some = match self.operator {
                    Operator::Less => &all[..bound],
                    Operator::LessEqual => &all[..=bound],
                    Operator::Greater => &all[bound + 1..],
                    _ => &all[bound..],
                };
                Ok(ColumnCondition::new(ValueSet::Words(some.to_vec())))
            }
            ColumnDomain::Text
            | ColumnDomain::List
            | ColumnDomain::Address
            | ColumnDomain::Words { .. } => {
                let reason = format!("the values of {} have no order", self.name);
                let remedy = match self.named.domain {
                    ColumnDomain::Address => "use =, or in with a network or a range",
                    _ => "use =, !=, in or ~",
                };
                Err(ParseFault::new(self.place.clone(), reason, remedy))
            }
            _ => {
                let bound = self.number(&word.text, &word.place)?;
                let numbers = match self.operator {
                    Operator::Less => bound.checked_sub(1).map(|last| (i64::MIN, last)),
                    Operator::LessEqual => Some((i64::MIN, bound)),
                    Operator::Greater => bound.checked_add(1).map(|first| (first, i64::MAX)),
                    _ => Some((bound, i64::MAX)),
                };
                Ok(ColumnCondition::new(ValueSet::Numbers(numbers.into_iter().collect())))
            }
        }
    }

    /// A range is possible with `in` only.
    fn needs_in(&self, word: &ScannedWord, what: &str) -> Parsed<()> {
        if self.operator == Operator::In {
            return Ok(());
        }
        let reason = format!("{} is a {what}", quote(&word.text));
        Err(ParseFault::new(
            self.place.clone(),
            reason,
            format!("write {} in {}", self.name, word.text),
        ))
    }

    /// A number, or a range `FIRST..LAST`, whose ends may be left out.
    pub(super) fn numbers(&self, word: &ScannedWord) -> Parsed<(i64, i64)> {
        let Some((first, last)) = word.text.split_once("..") else {
            return self.number(&word.text, &word.place).map(|number| (number, number));
        };
        self.needs_in(word, "range")?;
        self.range(first, last, word)
    }

    /// The numbers from `first` to `last`.
    pub(super) fn range(&self, first: &str, last: &str, word: &ScannedWord) -> Parsed<(i64, i64)> {
        let bound = |text: &str, open: i64| match text {
            "" => Ok(open),
            text => self.number(text, &word.place),
        };
        let (from, to) = (bound(first, i64::MIN)?, bound(last, i64::MAX)?);
        if first.is_empty() && last.is_empty() || from > to {
            let reason = format!("the range {} is empty", quote(&word.text));
            let remedy = "write the lower end first: 3000..3010, 3000.. or ..1023";
            return Err(ParseFault::new(word.place.clone(), reason, remedy));
        }
        Ok((from, to))
    }

    fn number(&self, text: &str, place: &Range<usize>) -> Parsed<i64> {
        let has_unit = !self.named.needs_unit;
        let number = match self.named.domain {
            ColumnDomain::Port => text.parse::<u16>().ok().map(i64::from),
            ColumnDomain::Duration => literals::duration(text, has_unit),
            ColumnDomain::Time => literals::time(text),
            _ => literals::number(text),
        };
        let (what, remedy) = match self.named.domain {
            ColumnDomain::Port => ("a port", "ports are 0 to 65535"),
            ColumnDomain::Duration if text.parse::<i64>().is_ok() => {
                ("a time without its unit", "write a time such as 20ms, 1.5s or 1h30m")
            }
            ColumnDomain::Duration => ("a span of time", "write one such as 20ms, 1.5s or 1h30m"),
            ColumnDomain::Time => ("a time", "write a time such as 2026-03-01T19:30:00Z"),
            ColumnDomain::Size => ("a size", "write bytes, or a size such as 10K, 1.5M or 2Gi"),
            _ => ("a number", "write a number such as 100 or 10K"),
        };
        number.ok_or_else(|| {
            let reason = match self.named.domain {
                ColumnDomain::Duration if text.parse::<i64>().is_ok() => {
                    format!("{} has no unit", quote(text))
                }
                _ => format!("{} is not {what}", quote(text)),
            };
            ParseFault::new(place.clone(), reason, remedy)
        })
    }

    fn addresses(&self, word: &ScannedWord) -> Parsed<AddressSet> {
        let fault = || {
            let reason = format!("{} is not an address", quote(&word.text));
            let remedy = "write an address (= 10.0.0.5), a network (in 10.0.0.0/8), or server:NAME to search by name";
            ParseFault::new(word.place.clone(), reason, remedy)
        };
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| fault());
        if let Some((first, last)) = word.text.split_once("..") {
            self.needs_in(word, "range")?;
            let (first, last) = (address(first)?, address(last)?);
            if first.is_ipv4() != last.is_ipv4() || first > last {
                let reason = format!("the range {} is empty", quote(&word.text));
                return Err(ParseFault::new(
                    word.place.clone(),
                    reason,
                    "write the lower end first",
                ));
            }
            return Ok(AddressSet::Range(first, last));
        }
        if word.text.contains('/') {
            let network = IpNetwork::parse(&word.text).ok_or_else(fault)?;
            self.needs_in(word, "network")?;
            return Ok(AddressSet::Network(network));
        }
        address(&word.text).map(|address| AddressSet::Range(address, address))
    }

    fn word(&self, word: &ScannedWord) -> Parsed<&'static str> {
        let column = self.column();
        let words = words_of(column);
        // What does not belong has this sign in the lists.
        let text = if column == "fit" && word.text == "!" { "contradicts" } else { &word.text };
        let known = words.iter().find(|known| known.eq_ignore_ascii_case(text));
        known.copied().ok_or_else(|| unknown_word(self.name, word, &words))
    }
}

/// The fault of a word that a column does not have.
pub(super) fn unknown_word(name: &str, word: &ScannedWord, words: &[&str]) -> ParseFault {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() })
        .collect();
    let all: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let listed = || match &all[..] {
        words if words.len() <= LISTED => format!("write {}", joined(words, "or")),
        words => format!("write one such as {}", joined(&words[..3], "or")),
    };
    let close = suggestion(&word.text, words.iter().copied());
    let reason = format!("{} is not a value of {name}", quote(&word.text));
    ParseFault::new(word.place.clone(), reason, close.unwrap_or_else(listed))
}

/// `did you mean …?`, if a name comes close to a word that is not too long to be one.
pub(super) fn suggestion<'n>(
    word: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    const LONGEST: usize = 40;
    (word.len() <= LONGEST).then(|| did_you_mean(word, names)).flatten()
}
