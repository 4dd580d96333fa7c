//! The facts that a message states: start line, header fields, and what its body says.

use httparse::Header;

use super::body::{self, Body};
use super::head::Start;
use crate::detect::formats::redact::masked;
use crate::detect::statement::Statement;
use crate::detect::{csta_document, json_document};
use crate::evidence::FactName;

/// Lines of Server-Sent Events of a response that are stated at most.
const EVENTS: usize = 8;
/// Lines of Server-Sent Events of a response in which documents are read at most.
const EVENT_DOCUMENTS: usize = 64;

/// States the start line and the header fields.
pub(super) fn state(
    statement: &mut Statement<'_>,
    start: &Start<'_>,
    at: usize,
    fields: &[Header<'_>],
    fields_at: usize,
) {
    let stem = match start {
        Start::Request { method, target } => {
            statement.fact("http.method", method, at);
            statement.fact("http.target", target, at);
            "http.request-header"
        }
        Start::Response { status } => {
            statement.fact("http.status", status, at);
            "http.response-header"
        }
    };
    // Each field begins after the one before it.
    let mut offset = fields_at;
    for field in fields {
        let name = FactName { stem, leaf: Some(field.name.to_ascii_lowercase()) };
        statement.fact(name, &masked(field.name, field.value.trim_ascii()), offset);
        offset += field.name.len() + field.value.len() + 4;
    }
}

/// States the readable content of the body at the offset `at`.
pub(super) fn state_body(
    statement: &mut Statement<'_>,
    body: &Body<'_>,
    is_request: bool,
    is_xml: bool,
    at: usize,
) {
    if body.content().is_empty() {
        return;
    }
    let parts: Vec<_> = body.parts.iter().map(|&(content, place)| (content, at + place)).collect();
    match (body.kind, is_request) {
        (body::BodyKind::Structured, _) => {
            let name = if is_request { "http.request-body" } else { "http.response-body" };
            state_content(statement, name, body, &parts);
            json_document::state(statement, body.content(), at);
        }
        (body::BodyKind::Plain, false) => {
            state_content(statement, "http.response-text", body, &parts);
        }
        (body::BodyKind::Events, false) => {
            let place = |offset: usize| {
                let part = parts
                    .partition_point(|&(content, _)| content <= offset)
                    .checked_sub(1)
                    .and_then(|i| parts.get(i));
                part.map_or(at, |&(content, place)| place + (offset - content))
            };
            let mut offset = 0;
            // An empty line ends an event (HTML, section 9.2.6).
            let lines = body.content().split_inclusive(|&b| b == b'\n').take(EVENT_DOCUMENTS);
            for (i, line) in lines.enumerate() {
                let event = line.trim_ascii();
                if i < EVENTS && !event.is_empty() {
                    statement.fact("http.event", event, place(offset));
                }
                if let Some(document) = event.strip_prefix(b"data:") {
                    json_document::state(statement, document, place(offset));
                }
                offset += line.len();
            }
        }
        (body::BodyKind::Plain | body::BodyKind::Events, true)
        | (body::BodyKind::Unreadable, _) => {}
    }
    if is_xml {
        csta_document::state_carried(statement, body.content(), at);
    }
}

/// States the content of the body.
fn state_content(
    statement: &mut Statement<'_>,
    name: &'static str,
    body: &Body<'_>,
    parts: &[(usize, usize)],
) {
    match &body.text {
        Some(text) => statement.text_in_parts(name, text.clone(), parts),
        None => statement.fact_in_parts(name, body.content(), parts),
    }
}
