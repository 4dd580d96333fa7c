//! What is wrong with an expression.

use std::fmt;
use std::ops::Range;

use crate::visibility::visibility;

/// Characters of the expression that are shown before the place of a fault, and from it on.
const SHOWN: [usize; 2] = [40, 36];

/// What is wrong with an expression, and where: prints a line with the reason and the remedy, the
/// expression, and a line that points at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterFault {
    text: String,
    place: Range<usize>,
    reason: String,
    remedy: String,
    is_incomplete: bool,
}

impl FilterFault {
    /// A fault at some bytes of `text`.
    pub(super) fn new(text: &str, place: Range<usize>, reason: &str, remedy: &str) -> Self {
        let (text, reason, remedy) = (text.to_owned(), reason.to_owned(), remedy.to_owned());
        Self { text, place, reason, remedy, is_incomplete: false }
    }

    /// Whether only the end of the expression is missing: it may still be typed.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Why the expression is not one; quotes parts of it.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What would be right.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The bytes of the expression that are wrong; empty where something is missing.
    #[must_use]
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    /// The expression, or the part of it around the place, and `^` below the place.
    #[must_use]
    pub fn pointer(&self) -> [String; 2] {
        let before = self.text.get(..self.place.start).unwrap_or(&self.text);
        let wrong = self.text.get(self.place.clone()).unwrap_or_default();
        let after = self.text.get(self.place.start..).unwrap_or_default();
        let skipped = before.chars().count().saturating_sub(SHOWN[0]);
        let mut line: String = if skipped > 0 { "…".into() } else { String::new() };
        line.extend(plain(before).skip(skipped));
        let column = line.chars().count();
        line.extend(plain(after).take(SHOWN[1]));
        if after.chars().nth(SHOWN[1]).is_some() {
            line.push('…');
        }
        let width = wrong.chars().count().clamp(1, SHOWN[1]);
        [line, " ".repeat(column) + &"^".repeat(width)]
    }
}

/// A text with one character that can be printed for each of its own.
fn plain(text: &str) -> impl Iterator<Item = char> {
    visibility(text).map(|(_, c, is_hidden)| match c {
        '\t' | '\n' | '\r' => ' ',
        _ if is_hidden => char::REPLACEMENT_CHARACTER,
        _ if c.is_whitespace() => ' ',
        _ => c,
    })
}

impl fmt::Display for FilterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [line, pointer] = self.pointer();
        let sentence: String = plain(&[&*self.reason, "; ", &self.remedy].concat()).collect();
        write!(f, "{sentence}\n  {line}\n  {pointer}")
    }
}

impl std::error::Error for FilterFault {}

/// What a part of an expression gives.
pub(super) type Parsed<T> = Result<T, ParseFault>;

/// A fault whose expression is not at hand.
#[derive(Debug)]
pub(super) struct ParseFault {
    pub(super) place: Range<usize>,
    pub(super) reason: String,
    pub(super) remedy: String,
    /// The end of the expression is missing.
    is_incomplete: bool,
}

impl ParseFault {
    pub(super) fn new(
        place: Range<usize>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { place, reason: reason.into(), remedy: remedy.into(), is_incomplete: false }
    }

    /// The fault of an expression whose end is missing.
    pub(super) fn incomplete(self) -> Self {
        Self { is_incomplete: true, ..self }
    }

    /// The fault in this text.
    pub(super) fn within(self, text: &str) -> FilterFault {
        let fault = FilterFault::new(text, self.place, &self.reason, &self.remedy);
        FilterFault { is_incomplete: self.is_incomplete, ..fault }
    }
}

/// A word of an expression between quotation marks, as long as a message can quote it.
pub(super) fn quote(word: &str) -> String {
    const MOST: usize = 32;
    let shortened: String = word.chars().take(MOST).collect();
    if shortened.len() < word.len() { format!("'{shortened}…'") } else { format!("'{word}'") }
}
