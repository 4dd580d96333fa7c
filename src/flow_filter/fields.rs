//! The short form of a condition, `field:text`.

use super::condition::{ColumnCondition, ValueSet};
use super::expression::{Expression, TextField};
use super::fault::{ParseFault, quote};
use super::names::{self, ColumnDomain, column_names, words_of};
use super::pattern::TextPattern;
use super::scanner::ScannedWord;
use super::values::{Comparison, Operator, suggestion, unknown_word};
use crate::findings::{FindingKind, Severity};

/// Fields that are no columns of their own, or look further than these do.
const FIELDS: [(&str, TextField); 4] = [
    ("service", TextField::Service),
    ("process", TextField::Process),
    ("server", TextField::Server),
    ("finding", TextField::Finding),
];

/// The words of `finding:`.
#[must_use]
pub fn finding_words() -> Vec<&'static str> {
    let severities = Severity::ALL.iter().map(|severity| severity.as_str());
    severities.chain(FindingKind::ALL.iter().map(|kind| kind.as_str())).collect()
}

/// The condition of a field that has a text.
pub(super) fn field(name: &ScannedWord, value: &ScannedWord) -> Result<Expression, ParseFault> {
    let field = name.text.to_ascii_lowercase();
    let text = value.text.to_lowercase();
    let known = FIELDS.iter().find(|(known, _)| *known == field).map(|(_, field)| *field);
    let named = names::named(&field);
    if known.is_none() && named.is_none() {
        return Err(unknown_field(name));
    }
    if value.text.is_empty() {
        let reason = format!("{field} needs a value");
        let remedy = if field == "port" { "write port:3001" } else { "write it behind the colon" };
        let place = name.place.start..value.place.end;
        return Err(ParseFault::new(place, reason, remedy).incomplete());
    }
    if let Some(field) = known {
        if field == TextField::Finding {
            let words = finding_words();
            if !words.iter().any(|word| word.starts_with(&text)) {
                return Err(unknown_word("finding", value, &words));
            }
        }
        return Ok(Expression::Text(field, TextPattern::contains(&text)));
    }
    let Some(named) = named else { return Err(unknown_field(name)) };
    let comparison = Comparison {
        name: &field,
        named: &named,
        operator: Operator::In,
        place: name.place.clone(),
    };
    let texts = |pattern| ColumnCondition::new(ValueSet::Texts(vec![pattern]));
    let condition = match named.domain {
        // The families that are possible count, too.
        ColumnDomain::Text if field == "tag" => {
            let begins = texts(TextPattern::begins(&text));
            let possible = ColumnCondition { is_of_list: true, ..begins.clone() };
            let tags = names::named("candidate_tags").map(|named| named.columns);
            return Ok(Expression::Any(vec![
                Expression::Column(named.columns, begins),
                Expression::Column(tags.unwrap_or_default(), possible),
            ]));
        }
        ColumnDomain::Text | ColumnDomain::Address => texts(TextPattern::contains(&text)),
        ColumnDomain::List => {
            ColumnCondition { is_of_list: true, ..texts(TextPattern::contains(&text)) }
        }
        ColumnDomain::Words { .. } => {
            let all = words_of(named.columns.first().map_or("", |column| column.name));
            let text = if field == "fit" && text == "!" { "contradicts" } else { &text };
            let fitting: Vec<_> =
                all.iter().copied().filter(|word| word.starts_with(text)).collect();
            if fitting.is_empty() {
                return Err(unknown_word(&field, value, &all));
            }
            ColumnCondition::new(ValueSet::Words(fitting))
        }
        // A range of ports has always been written so here.
        ColumnDomain::Port if value.text.contains('-') => {
            let (first, last) = value.text.split_once('-').unwrap_or_default();
            ColumnCondition::new(ValueSet::Numbers(vec![comparison.range(first, last, value)?]))
        }
        _ => ColumnCondition::new(ValueSet::Numbers(vec![comparison.numbers(value)?])),
    };
    Ok(Expression::Column(named.columns, condition))
}

fn unknown_field(name: &ScannedWord) -> ParseFault {
    let names = FIELDS.iter().map(|(name, _)| *name).chain(column_names());
    let close = suggestion(&name.text, names);
    let remedy = close.unwrap_or_else(|| "put a text with a colon between quotation marks".into());
    ParseFault::new(name.place.clone(), format!("there is no field {}", quote(&name.text)), remedy)
}
