//! Reads an expression word by word.

use std::ops::Range;

use super::fault::ParseFault;

/// A word or a text of an expression.
#[derive(Debug, Clone)]
pub(super) struct ScannedWord {
    pub(super) text: String,
    /// Its bytes in the expression.
    pub(super) place: Range<usize>,
    pub(super) is_quoted: bool,
}

/// An expression, and how far it was read.
#[derive(Clone)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

/// Whether a value without quotation marks ends before this character.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | ',')
}

/// Whether a name ends before this character.
fn ends_name(c: char) -> bool {
    ends_value(c) || matches!(c, '=' | '!' | '<' | '>' | '~' | ':' | '"' | '\'')
}

impl<'t> Scanner<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte that is read next.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The bytes from `start` to what was read last.
    pub(super) fn since(&self, start: usize) -> Range<usize> {
        start..self.at.max(start)
    }

    /// The place of the next character; empty at the end.
    pub(super) fn next_place(&self) -> Range<usize> {
        self.at..self.at + self.peek().map_or(0, char::len_utf8)
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether blanks or the end of an expression follow the next character.
    pub(super) fn stands_alone(&self) -> bool {
        self.rest().chars().nth(1).is_none_or(ends_value)
    }

    /// Reads `token`, if that is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    /// Reads one of these words, if one is next after blanks.
    pub(super) fn eat_keyword(&mut self, keywords: &[&str]) -> bool {
        let mut ahead = self.clone();
        ahead.skip_blanks();
        let is_next = ahead.eat_sign(keywords) || {
            let word = ahead.take_until(ends_name);
            keywords.iter().any(|keyword| word.text.eq_ignore_ascii_case(keyword))
                && ahead.peek() != Some(':')
        };
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// Reads a keyword of signs, which ends without a blank.
    fn eat_sign(&mut self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| keyword.starts_with(['&', '|']) && self.eat(keyword))
    }

    fn take_until(&mut self, ends: fn(char) -> bool) -> ScannedWord {
        let (start, rest) = (self.at, self.rest());
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        ScannedWord { text: word.to_owned(), place: start..self.at, is_quoted: false }
    }

    /// Reads the name of a column or a keyword; empty if none is next.
    pub(super) fn name(&mut self) -> ScannedWord {
        self.take_until(ends_name)
    }

    /// Reads a value, with quotation marks or without; empty if none is next.
    pub(super) fn value(&mut self) -> Result<ScannedWord, ParseFault> {
        Ok(match self.quoted()? {
            Some(text) => text,
            None => self.bare_value(),
        })
    }

    /// A value without quotation marks: up to a blank, a sign of lists, or `&&` or `||`.
    fn bare_value(&mut self) -> ScannedWord {
        let start = self.at;
        let mut word = self.take_until(ends_value);
        if let Some(end) = ["&&", "||"].iter().filter_map(|sign| word.text.find(sign)).min() {
            word.text.truncate(end);
            self.at = start + end;
            word.place = start..self.at;
        }
        word
    }

    /// Reads a text between quotation marks, if one is next. In it, `\` stands before a quotation
    /// mark or a `\`.
    pub(super) fn quoted(&mut self) -> Result<Option<ScannedWord>, ParseFault> {
        let Some(mark @ ('"' | '\'')) = self.peek() else { return Ok(None) };
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == mark {
                self.at = start + at + c.len_utf8();
                let place = start..self.at;
                return Ok(Some(ScannedWord { text, place, is_quoted: true }));
            }
            let escaped =
                (c == '\\').then(|| chars.next_if(|&(_, next)| next == mark || next == '\\'));
            text.push(escaped.flatten().map_or(c, |(_, next)| next));
        }
        let reason = "the quotation mark is not closed";
        let remedy = format!("add {mark} after the text");
        Err(ParseFault::new(start..start + 1, reason, remedy).incomplete())
    }
}
