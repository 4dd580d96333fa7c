//! What a CSTA XML document says went wrong, whatever carries it: a stream of its own, SIP
//! (ECMA TR/87) or HTTP.

use crate::detect::formats::csta_xml::{CstaAnswer, carried_element, error_text};
use crate::detect::statement::Statement;

/// States the CSTA that a document is, or carries in SOAP (ECMA-348), and gives the name of its
/// element. `at`: the offset of the document in the stream.
pub(in crate::detect) fn state_carried(
    statement: &mut Statement<'_>,
    document: &[u8],
    at: usize,
) -> Option<String> {
    let (root, namespace) = carried_element(document)?;
    statement.fact("csta.root", root.as_bytes(), at);
    statement.fact("csta.namespace", namespace.as_bytes(), at);
    state_answer(statement, &root, document, at);
    Some(root)
}

/// States what the document with the root element `name` says of a monitor or an error. `at`: the
/// offset of the document in the stream.
pub(in crate::detect) fn state_answer(
    statement: &mut Statement<'_>,
    name: &str,
    document: &[u8],
    at: usize,
) {
    if name == "MonitorStartResponse" {
        statement.fact("csta.monitor", b"started", at);
    }
    if let CstaAnswer::Error(cause) = CstaAnswer::of(name) {
        let text = error_text(document).unwrap_or_else(|| cause.to_owned());
        statement.fact_text("csta.error", text, at);
    }
}

/// Counts the document with the root element `name`, if it is an answer.
pub(in crate::detect) fn count_answer(statement: &mut Statement<'_>, name: &str, at: usize) {
    match CstaAnswer::of(name) {
        CstaAnswer::None => {}
        CstaAnswer::Success => statement.answers.succeeded(),
        CstaAnswer::Error(cause) => statement.service_failed(cause, at),
    }
}
