//! Parses expressions, by recursive descent.
//!
//! ```text
//! any        = all { ("or" | "||") all }
//! all        = one { ["and" | "&&"] one }
//! one        = ("not" | "!" | "-") one | "(" any ")" | condition
//! condition  = column operator value | column ["not"] "in" values | field ":" text | text | "!"
//! operator   = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//! values     = value | "(" value { "," value } ")"
//! value      = text | word | first ".." last | network
//! ```

use super::condition::{ColumnCondition, ValueSet};
use super::expression::{Expression, TextField};
use super::fault::{ParseFault, Parsed, quote};
use super::fields;
use super::names::{self, column_names};
use super::pattern::TextPattern;
use super::scanner::{ScannedWord, Scanner};
use super::values::{Comparison, Operator, suggestion};

/// Levels of parentheses and negations at most: each takes a place on the stack.
const DEPTH: usize = 64;

/// What was read last, where conditions follow one another without a word between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastRead {
    /// A comparison with a value without quotation marks.
    Comparison,
    /// A word alone.
    Word,
    Other,
}

struct FilterParser<'t> {
    scanner: Scanner<'t>,
    depth: usize,
    last: LastRead,
}

/// Parses an expression; nothing, if there is none.
pub(super) fn parse(text: &str) -> Parsed<Expression> {
    let mut parser = FilterParser { scanner: Scanner::new(text), depth: 0, last: LastRead::Other };
    parser.scanner.skip_blanks();
    if parser.scanner.peek().is_none() {
        return Ok(Expression::default());
    }
    let expression = parser.any()?;
    parser.scanner.skip_blanks();
    match parser.scanner.peek() {
        None => Ok(expression),
        Some(c) => {
            let reason =
                if c == ')' { "')' has no '('".into() } else { format!("'{c}' cannot stand here") };
            Err(ParseFault::new(parser.scanner.next_place(), reason, "remove it"))
        }
    }
}

impl FilterParser<'_> {
    /// Conditions of which one holds.
    fn any(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.all()?];
        while self.scanner.eat_keyword(&["or", "||"]) {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    /// Conditions that all hold.
    fn all(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.one()?];
        loop {
            if self.scanner.eat_keyword(&["and", "&&"]) {
                parts.push(self.one()?);
                continue;
            }
            self.scanner.skip_blanks();
            let is_end = matches!(self.scanner.peek(), None | Some(')' | ','));
            if is_end || self.scanner.clone().eat_keyword(&["or", "||"]) {
                return Ok(one_or(parts, Expression::All));
            }
            let (before, start) = (self.last, self.scanner.at());
            let part = self.one()?;
            if before == LastRead::Comparison && self.last == LastRead::Word {
                let reason = "'and' or 'or' is missing here";
                let remedy = "join conditions with 'and' or 'or', and put a value of several words in quotation marks";
                return Err(ParseFault::new(self.scanner.since(start), reason, remedy));
            }
            parts.push(part);
        }
    }

    /// A condition, negated or in parentheses or neither.
    fn one(&mut self) -> Parsed<Expression> {
        self.scanner.skip_blanks();
        let start = self.scanner.at();
        self.depth += 1;
        if self.depth > DEPTH {
            let reason = format!("there are more than {DEPTH} levels of parentheses and negations");
            return Err(ParseFault::new(self.scanner.next_place(), reason, "write fewer"));
        }
        let is_alone = self.scanner.stands_alone();
        let expression = match self.scanner.peek() {
            None => {
                let remedy = "write one, such as tag = osc";
                let reason = "a condition is missing here";
                return Err(ParseFault::new(start..start, reason, remedy).incomplete());
            }
            Some('(') => {
                self.scanner.eat("(");
                let expression = self.any()?;
                self.scanner.skip_blanks();
                if !self.scanner.eat(")") {
                    let place = start..start + 1;
                    let reason = "the parenthesis is not closed";
                    return Err(ParseFault::new(place, reason, "add )").incomplete());
                }
                self.last = LastRead::Other;
                expression
            }
            Some('-') if is_alone => {
                let (place, reason) = (self.scanner.next_place(), "a condition is missing after -");
                let fault = ParseFault::new(place, reason, "write one, such as -tag:osc");
                return Err(fault.incomplete());
            }
            // What does not belong has this sign in the lists.
            Some('!') if is_alone => {
                self.scanner.eat("!");
                self.last = LastRead::Other;
                condition_of("fit", "contradicts")
            }
            Some(sign @ ('!' | '-')) if !is_alone && !self.starts_with_operator() => {
                self.scanner.eat(sign.encode_utf8(&mut [0; 4]));
                negated(self.one()?)
            }
            _ if self.scanner.eat_keyword(&["not"]) => negated(self.one()?),
            Some(_) => self.condition()?,
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn starts_with_operator(&self) -> bool {
        let mut ahead = self.scanner.clone();
        ahead.eat("!=") || ahead.eat("!~")
    }

    fn condition(&mut self) -> Parsed<Expression> {
        if let Some(text) = self.scanner.quoted()? {
            self.last = LastRead::Other;
            return Ok(Expression::Text(TextField::Anything, TextPattern::contains(&text.text)));
        }
        let name = self.scanner.name();
        if name.text.is_empty() {
            let reason = "a condition begins with the name of a column";
            let remedy = "write one, such as port = 3001";
            return Err(ParseFault::new(self.scanner.next_place(), reason, remedy));
        }
        if self.scanner.eat(":") {
            self.last = LastRead::Other;
            return fields::field(&name, &self.scanner.value()?);
        }
        let start = self.scanner.clone();
        self.scanner.skip_blanks();
        let at = self.scanner.at();
        let Some((operator, is_negated)) = self.operator() else {
            self.scanner = start;
            return self.word(&name);
        };
        let place = self.scanner.since(at);
        let Some(named) = names::named(&name.text) else {
            let close = suggestion(&name.text, column_names());
            let remedy = close.unwrap_or_else(|| "docs/flows.md lists the columns".into());
            let reason = format!("there is no column {}", quote(&name.text));
            return Err(ParseFault::new(name.place, reason, remedy));
        };
        let words = self.values(operator)?;
        self.last = match &words[..] {
            [word] if !word.is_quoted => LastRead::Comparison,
            _ => LastRead::Other,
        };
        let comparison = Comparison { name: &name.text, named: &named, operator, place };
        let condition = comparison.condition(&words)?;
        let expression = Expression::Column(named.columns, condition);
        Ok(if is_negated { negated(expression) } else { expression })
    }

    /// An operator, and whether it is negated.
    fn operator(&mut self) -> Option<(Operator, bool)> {
        const SIGNS: [(&str, Operator, bool); 9] = [
            ("==", Operator::Equal, false),
            ("=", Operator::Equal, false),
            ("!=", Operator::Equal, true),
            ("!~", Operator::Like, true),
            ("~", Operator::Like, false),
            ("<=", Operator::LessEqual, false),
            ("<", Operator::Less, false),
            (">=", Operator::GreaterEqual, false),
            (">", Operator::Greater, false),
        ];
        for (sign, operator, is_negated) in SIGNS {
            if self.scanner.eat(sign) {
                return Some((operator, is_negated));
            }
        }
        let mut ahead = self.scanner.clone();
        let is_negated = ahead.eat_keyword(&["not"]);
        let is_in = ahead.eat_keyword(&["in"]);
        if is_in {
            self.scanner = ahead;
        }
        is_in.then_some((Operator::In, is_negated))
    }

    /// The values behind an operator.
    fn values(&mut self, operator: Operator) -> Parsed<Vec<ScannedWord>> {
        self.scanner.skip_blanks();
        let start = self.scanner.at();
        if operator != Operator::In || !self.scanner.eat("(") {
            return Ok(vec![self.one_value()?]);
        }
        let mut values = vec![self.one_value()?];
        loop {
            self.scanner.skip_blanks();
            if self.scanner.eat(")") {
                return Ok(values);
            }
            if !self.scanner.eat(",") {
                let (place, reason) = match self.scanner.peek() {
                    None => (start..start + 1, "the list is not closed"),
                    Some(_) => (self.scanner.next_place(), "a comma is missing in the list"),
                };
                let fault = ParseFault::new(place, reason, "write (80, 443, 3000..3010)");
                let is_end = self.scanner.peek().is_none();
                return Err(if is_end { fault.incomplete() } else { fault });
            }
            values.push(self.one_value()?);
        }
    }

    fn one_value(&mut self) -> Parsed<ScannedWord> {
        self.scanner.skip_blanks();
        let value = self.scanner.value()?;
        if value.text.is_empty() && !value.is_quoted {
            let remedy = "write one, or \"\" for an empty text";
            let place = self.scanner.next_place();
            return Err(ParseFault::new(place, "a value is missing here", remedy).incomplete());
        }
        Ok(value)
    }

    /// A word without an operator.
    fn word(&mut self, name: &ScannedWord) -> Parsed<Expression> {
        self.last = LastRead::Word;
        let word = name.text.to_ascii_lowercase();
        if word == "tcp" || word == "udp" {
            return Ok(condition_of("transport", if word == "tcp" { "tcp" } else { "udp" }));
        }
        if names::named(&word).is_some() || word == "finding" {
            let reason = format!("{word} is not compared with anything");
            let remedy = format!("write {word} = VALUE, or \"{word}\" to search for the text");
            let fault = ParseFault::new(name.place.clone(), reason, remedy);
            self.scanner.skip_blanks();
            return Err(if self.scanner.peek().is_none() { fault.incomplete() } else { fault });
        }
        Ok(Expression::Text(TextField::Anything, TextPattern::contains(&name.text)))
    }
}

/// One of them alone, or all of them together.
fn one_or(mut parts: Vec<Expression>, together: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(one) if parts.is_empty() => one,
        last => together(parts.into_iter().chain(last).collect()),
    }
}

fn negated(expression: Expression) -> Expression {
    Expression::Not(Box::new(expression))
}

/// The condition that a column has a word.
fn condition_of(column: &str, word: &'static str) -> Expression {
    let columns = names::named(column).map(|named| named.columns).unwrap_or_default();
    Expression::Column(columns, ColumnCondition::new(ValueSet::Words(vec![word])))
}
