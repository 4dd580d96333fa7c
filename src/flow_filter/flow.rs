//! Flows, as expressions see them.

use super::condition::ColumnCondition;
use super::expression::{FilterSubject, TextField};
use super::pattern::TextPattern;
use crate::catalogue::Service;
use crate::classify::Candidate;
use crate::columns::{COLUMNS, FlowColumn, Value, column};
use crate::evidence::Direction;
use crate::pipeline::FlowView;
use crate::process::{Attribution, Holder};

impl FilterSubject for FlowView<'_> {
    #[inline]
    fn has_value(&self, column: &'static FlowColumn, condition: &ColumnCondition) -> bool {
        if condition.is_of_list {
            return list_has(*self, column, condition);
        }
        condition.holds(&column.value(*self))
    }

    fn shows(&self, field: TextField, pattern: &TextPattern) -> bool {
        let Self { record, verdict, .. } = self;
        let has = |text: &str| pattern.matches(text);
        let has_fact = |name| match column(name).map(|column| column.value(*self)) {
            Some(Value::Text(text)) => has(&text),
            _ => false,
        };
        let serves = |service: &Service| has(&service.id) || has(&service.name);
        let mut services = verdict.service.iter().chain(&verdict.also);
        let held_by = |side| holders(*self, side).any(|holder| is_process(holder, pattern));
        match field {
            TextField::Service => services.any(|service| serves(service)),
            TextField::Process => Direction::BOTH.into_iter().any(held_by),
            TextField::Server => {
                has(&record.responder.address.to_string())
                    || ["sni", "host"].into_iter().any(has_fact)
            }
            TextField::Finding => false,
            TextField::Anything => {
                services.any(|service| serves(service))
                    || [record.responder, record.initiator].iter().any(|end| has(&end.to_string()))
                    || verdict.protocol.is_some_and(|protocol| has(protocol.as_str()))
                    || verdict.tag().is_some_and(has)
                    || verdict.product.as_deref().is_some_and(has)
                    || verdict.service_name.as_deref().is_some_and(has)
                    || Direction::BOTH.into_iter().any(held_by)
                    || COLUMNS
                        .iter()
                        .any(|column| !column.facts.is_empty() && has_fact(column.name))
            }
        }
    }
}

fn holders(flow: FlowView<'_>, side: Direction) -> impl Iterator<Item = &Holder> {
    let holders = flow.processes.get(side).map_or(&[][..], Attribution::holders);
    holders.iter().map(AsRef::as_ref)
}

/// Whether a text is found in a process: its name, its command, or its whole number.
fn is_process(holder: &Holder, pattern: &TextPattern) -> bool {
    pattern.matches(&holder.name)
        || pattern.matches(&holder.command)
        || pattern.is_number(holder.pid.into())
}

/// Whether one of several values in a column satisfies the condition; not from the text in which
/// they are joined, which would have to be made first.
fn list_has(flow: FlowView<'_>, column: &FlowColumn, condition: &ColumnCondition) -> bool {
    let verdict = flow.verdict;
    let processes = |side| {
        let mut holders = holders(flow, side).peekable();
        if holders.peek().is_none() {
            return condition.missing;
        }
        holders.any(|holder| {
            condition.holds_text(&holder.name)
                || condition.holds_text(&format!("{}/{}", holder.name, holder.pid))
        })
    };
    match column.name {
        "also" => condition.holds_any(verdict.also.iter().map(|service| &*service.id)),
        "candidates" => condition.holds_any(verdict.candidates.iter().map(Candidate::id)),
        "candidate_tags" => {
            condition.holds_any(verdict.candidates.iter().filter_map(Candidate::tag))
        }
        "initiator_process" => processes(Direction::Initiator),
        "responder_process" => processes(Direction::Responder),
        _ => condition.holds(&column.value(flow)),
    }
}
