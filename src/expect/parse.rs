//! The parser of a file of expectations, whose errors name file, line, column and remedy.

use std::ops::Range;

use toml::Spanned;

use super::rule::{Expectations, FindingRule, FlowRule, Rule, RuleKind, ServerRule};
use super::schema::{
    ExpectationsTable, FindingsTable, FlowTable, OneOrMore, PortValue, ServerTable, SizeValue,
};
use super::selector::{AddressSelector, PortSelector, ServerSelector};
use super::spoken::SpokenName;
use crate::catalogue::Catalogue;
use crate::flow_filter::{FilterFault, FlowFilter, number_with_unit};
use crate::similar::did_you_mean;
use crate::toml_fault::{key_of, reworded};
use crate::{Error, ErrorKind, Result};

/// The longest file in bytes.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Rules of a file at most: every flow is compared with each of them.
const MAX_RULES: usize = 1_000;
/// Characters of the name of a rule.
const MAX_NAME: usize = 120;

impl Expectations {
    /// Parses the text of a file; errors name the file as `file`.
    ///
    /// # Errors
    /// [`ErrorKind::Expectations`], all faults of the file, each with its line and column.
    pub fn parse(text: &str, file: &str, catalogue: &Catalogue) -> Result<Self> {
        let mut parser = ExpectationsParser { text, file, catalogue, faults: Vec::new() };
        let table: ExpectationsTable = match toml::from_str(text) {
            Ok(table) => table,
            Err(fault) => {
                let span = fault.span().unwrap_or(0..0);
                return Err(parser.of_toml(span, &fault.message().replace('\n', ", ")));
            }
        };
        let mut rules = Vec::new();
        let ExpectationsTable { name, server, flow, findings } = table;
        rules.extend(server.into_iter().map(|table| parser.servers(table)));
        rules.extend(flow.into_iter().map(|table| parser.flows(table)));
        let no = findings.map_or_else(Vec::new, |FindingsTable { no }| no);
        rules.extend(no.into_iter().filter_map(|word| parser.finding(&word)));
        if rules.is_empty() && parser.faults.is_empty() {
            let remedy = "add [[server]], [[flow]] or [findings]; portlore check --learn writes a \
                          first file";
            parser.fault(0..0, "nothing is expected", remedy);
        }
        if rules.len() > MAX_RULES {
            let reason = format!("there are more than {MAX_RULES} rules");
            parser.fault(0..0, &reason, "divide the file");
        }
        let name = name.map(|name| shortened(&name));
        match Error::from_all(parser.faults) {
            None => Ok(Self { name, rules }),
            Some(faults) => Err(faults),
        }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// The text and the faults that were found in it.
struct ExpectationsParser<'t> {
    text: &'t str,
    file: &'t str,
    catalogue: &'t Catalogue,
    faults: Vec<Error>,
}

impl ExpectationsParser<'_> {
    /// The line and column of an offset, counted from 1.
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    fn located(&self, error: Error, offset: usize) -> Error {
        let (line, column) = self.place(offset);
        error.with_object(format!("{}:{line}:{column}", self.file))
    }

    fn fault(&mut self, span: Range<usize>, reason: &str, remedy: &str) {
        let error = Error::new(ErrorKind::Expectations, reason).with_remedy(remedy);
        let error = self.located(error, span.start);
        self.faults.push(error);
    }

    /// The fault of a value; its text may have a remedy behind a semicolon.
    fn value_fault<T>(&mut self, key: &str, value: &Spanned<T>, fault: &str) {
        let (reason, remedy) = fault.split_once("; ").unwrap_or((fault, ""));
        self.fault(value.span(), &format!("{key}: {reason}"), remedy);
    }

    /// The error for a message of the TOML parser.
    fn of_toml(&self, span: Range<usize>, message: &str) -> Error {
        let (line, _) = self.place(span.start);
        let words = self.text.lines().nth(line - 1).unwrap_or_default();
        let key = key_of(words);
        let error = |reason: String| Error::new(ErrorKind::Expectations, reason);
        let error = reworded(ErrorKind::Expectations, words, message).unwrap_or_else(|| {
            match message {
                // What a value may be, where it may be of several types.
                wanted if wanted.starts_with("a ") => {
                    let value = if key.is_empty() { "this value" } else { key };
                    error(format!("{value}: a value of this type is not allowed"))
                        .with_remedy(format!("write {wanted}"))
                }
                fault => error(format!("not valid TOML: {fault}"))
                    .with_remedy("docs/expectations.md shows what the file may contain"),
            }
        });
        self.located(error, span.start)
    }

    /// The names in `must` or `only`.
    fn spoken(&mut self, key: &str, names: Option<Spanned<OneOrMore<String>>>) -> Vec<SpokenName> {
        let Some(names) = names else { return Vec::new() };
        let span = names.span();
        let names = names.into_inner().into_vec();
        if names.is_empty() {
            self.fault(span.clone(), &format!("{key} is an empty list"), "name what is spoken");
        }
        let mut found = Vec::new();
        for name in names {
            match SpokenName::new(&name, self.catalogue) {
                Ok(name) => found.push(name),
                Err(fault) => self.value_fault(key, &Spanned::new(span.clone(), ()), &fault),
            }
        }
        found
    }

    /// Whether `none` is set, which no other expectation may accompany.
    fn none(&mut self, none: Option<&Spanned<bool>>, others: &[(&str, bool)]) -> bool {
        let Some(none) = none else { return false };
        if !none.as_ref() {
            let remedy = "leave it out, or write at_least = 1";
            self.fault(none.span(), "none = false expects nothing", remedy);
        } else if let Some((other, _)) = others.iter().find(|(_, is_set)| *is_set) {
            let reason = format!("none and {other} contradict each other");
            self.fault(none.span(), &reason, "leave out one of them");
        }
        *none.as_ref()
    }

    fn at_least(&mut self, at_least: Option<Spanned<u64>>) -> Option<u64> {
        let at_least = at_least?;
        if *at_least.as_ref() == 0 {
            let remedy = "write 1 or more, or none = true";
            self.fault(at_least.span(), "at_least = 0 expects nothing", remedy);
        }
        Some(at_least.into_inner())
    }

    fn bytes(&mut self, size: Option<Spanned<SizeValue>>) -> Option<u64> {
        let size = size?;
        match size.as_ref() {
            SizeValue::Bytes(bytes) => Some(*bytes),
            SizeValue::Text(text) => {
                let bytes = number_with_unit(text.trim()).and_then(|n| u64::try_from(n).ok());
                if bytes.is_none() {
                    let fault = format!("'{text}' is not a size; write bytes, or 10K, 1.5M or 2Gi");
                    self.value_fault("at_most_bytes", &size, &fault);
                }
                bytes
            }
        }
    }

    /// Refuses a rule that expects nothing.
    fn require_expectation(&mut self, span: Range<usize>, has_some: bool) {
        if !has_some {
            let remedy = "add must, none, at_least, at_most_bytes or only";
            self.fault(span, "the rule expects nothing", remedy);
        }
    }

    fn servers(&mut self, table: Spanned<ServerTable>) -> Rule {
        let span = table.span();
        let table = table.into_inner();
        let selector = self.selector(table.address, table.port);
        let has_some = table.must.is_some()
            || table.none.is_some()
            || table.at_least.is_some()
            || table.at_most_bytes.is_some()
            || table.only.is_some();
        self.require_expectation(span.clone(), has_some);
        let others = [
            ("must", table.must.is_some()),
            ("at_least", table.at_least.is_some()),
            ("at_most_bytes", table.at_most_bytes.is_some()),
            ("only", table.only.is_some()),
        ];
        let none = self.none(table.none.as_ref(), &others);
        let only_span = table.only.as_ref().map(Spanned::span);
        let must = self.spoken("must", table.must);
        let only = self.spoken("only", table.only);
        if let Some(span) = only_span.filter(|_| !only.is_empty()) {
            let is_excluded = |name: &&SpokenName| !only.iter().any(|one| one.may_include(name));
            if let Some(name) = must.iter().find(is_excluded) {
                let reason = format!("only does not allow {name}, which must expects");
                self.fault(span, &reason, &format!("add {name} to only, or leave it out of must"));
            }
        }
        let rule = ServerRule {
            selector,
            must,
            none,
            at_least: self.at_least(table.at_least),
            at_most_bytes: self.bytes(table.at_most_bytes),
            only,
        };
        self.rule(span, table.name, RuleKind::Servers(rule))
    }

    fn selector(
        &mut self,
        address: Option<Spanned<OneOrMore<String>>>,
        port: Option<Spanned<OneOrMore<PortValue>>>,
    ) -> ServerSelector {
        let mut selector = ServerSelector::default();
        if let Some(address) = address {
            let place = Spanned::new(address.span(), ());
            let texts = address.into_inner().into_vec();
            if texts.is_empty() {
                self.value_fault(
                    "address",
                    &place,
                    "the list is empty; leave it out for any server",
                );
            }
            for text in texts {
                match AddressSelector::new(&text) {
                    Ok(address) => selector.addresses.push(address),
                    Err(fault) => self.value_fault("address", &place, &fault),
                }
            }
        }
        if let Some(port) = port {
            let place = Spanned::new(port.span(), ());
            let values = port.into_inner().into_vec();
            if values.is_empty() {
                self.value_fault("port", &place, "the list is empty; leave it out for any port");
            }
            for value in values {
                let text = match value {
                    PortValue::Number(number) => number.to_string(),
                    PortValue::Text(text) => text,
                };
                match PortSelector::new(&text) {
                    Ok(port) => selector.ports.push(port),
                    Err(fault) => self.value_fault("port", &place, &fault),
                }
            }
        }
        selector
    }

    fn flows(&mut self, table: Spanned<FlowTable>) -> Rule {
        let span = table.span();
        let table = table.into_inner();
        let has_some = table.must.is_some()
            || table.none.is_some()
            || table.at_least.is_some()
            || table.at_most_bytes.is_some()
            || table.only.is_some();
        self.require_expectation(span.clone(), has_some);
        let others = [
            ("must", table.must.is_some()),
            ("at_least", table.at_least.is_some()),
            ("at_most_bytes", table.at_most_bytes.is_some()),
            ("only", table.only.is_some()),
        ];
        let none = self.none(table.none.as_ref(), &others);
        let rule = FlowRule {
            filter: self.filter("where", table.filter.as_ref()),
            must: self.spoken("must", table.must),
            none,
            at_least: self.at_least(table.at_least),
            at_most_bytes: self.bytes(table.at_most_bytes),
            only: self.filter("only", table.only.as_ref()),
        };
        self.rule(span, table.name, RuleKind::Flows(rule))
    }

    fn filter(&mut self, key: &str, text: Option<&Spanned<String>>) -> Option<FlowFilter> {
        let text = text?;
        match FlowFilter::parse(text.as_ref()) {
            Ok(filter) => Some(filter),
            Err(fault) => {
                self.filter_fault(key, text, &fault);
                None
            }
        }
    }

    /// The fault of an expression, at its place in the file, and two lines that point at the place.
    fn filter_fault(&mut self, key: &str, text: &Spanned<String>, fault: &FilterFault) {
        let span = text.span();
        // The expression as it stands in the file, unless it has escapes.
        let is_literal = |start: &usize| {
            self.text.get(*start..).is_some_and(|rest| rest.starts_with(text.as_ref().as_str()))
        };
        let begin = [span.start + 1, span.start + 3].into_iter().find(is_literal);
        let offset = begin.map_or(span.start, |begin| begin + fault.place().start);
        let reason = format!("{key}: {}", fault.reason());
        self.fault(offset..offset, &reason, fault.remedy());
        let pointer = fault
            .pointer()
            .map(|line| Error::new(ErrorKind::Expectations, format!("  {}", line.trim_end())));
        self.faults.extend(pointer);
    }

    fn finding(&mut self, word: &Spanned<String>) -> Option<Rule> {
        let text = word.as_ref();
        let Some(rule) = FindingRule::new(&text.to_lowercase()) else {
            let question = did_you_mean(text, FindingRule::words());
            let words: Vec<&str> = FindingRule::words().collect();
            let remedy =
                question.unwrap_or_else(|| format!("the findings are {}", words.join(", ")));
            self.fault(word.span(), &format!("no: there is no finding '{text}'"), &remedy);
            return None;
        };
        let kind = RuleKind::Findings(rule);
        let (line, _) = self.place(word.span().start);
        Some(Rule { name: kind.to_string(), line, kind })
    }

    fn rule(&mut self, span: Range<usize>, name: Option<Spanned<String>>, kind: RuleKind) -> Rule {
        let (line, _) = self.place(span.start);
        let name = match name {
            Some(name) if name.as_ref().trim().is_empty() => {
                self.fault(name.span(), "name is empty", "leave it out");
                String::new()
            }
            Some(name) => shortened(name.as_ref().trim()),
            None => shortened(&kind.to_string()),
        };
        Rule { name, line, kind }
    }
}
