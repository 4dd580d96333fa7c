//! Answers to a plain request that break the rules of a response.

use super::head::{self, START_LINE};
use crate::detect::formats::headers::{FieldRoom, is_status_code, start_line_end};
use crate::detect::formats::redact::masked;
use crate::detect::statement::{Side, Statement};
use crate::evidence::{FactName, Role};

/// The beginnings of status lines: that of HTTP in any version, and that of `SHOUTcast`.
const STATUS_LINES: [&[u8]; 2] = [b"HTTP/", b"ICY "];
/// The beginnings of pages that are sent without a head.
const PAGES: [&[u8]; 2] = [b"<html", b"<!doctype html"];

/// Judges what a server answers to a request, where it is no response by the rules.
pub(super) fn answer(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    if !stream.from_start() {
        return Side::Other;
    }
    statement.exchange = 1;
    let text = bytes.trim_ascii_start();
    if begins(text, &PAGES) {
        statement.role(Role::Server);
        return if PAGES.iter().any(|page| text.len() >= page.len()) {
            Side::Matches
        } else {
            Side::Perhaps
        };
    }
    if !begins(bytes, &STATUS_LINES) {
        return Side::Other;
    }
    let Some(end) = start_line_end(bytes, START_LINE) else {
        let is_text = bytes.iter().all(|&b| b >= b' ' || matches!(b, b'\t' | b'\r'));
        return if is_text && bytes.len() < START_LINE { Side::Perhaps } else { Side::Other };
    };
    let line = bytes[..end].trim_ascii_end();
    if line.len() < STATUS_LINES[1].len() || line.iter().any(u8::is_ascii_control) {
        return Side::Other;
    }
    statement.role(Role::Server);
    statement.fact("http.status-line", line, 0);
    let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
    if let Some(status) = words.nth(1).filter(|word| is_status_code(word)) {
        statement.fact("http.status", status, 0);
    }
    if statement.wants_facts() {
        let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
        let (_, fields) = head::fields(&bytes[end + 1..], true, &mut room, &mut scratch);
        for field in fields {
            let name = FactName {
                stem: "http.response-header",
                leaf: Some(field.name.to_ascii_lowercase()),
            };
            statement.fact(name, &masked(field.name, field.value.trim_ascii()), end + 1);
        }
    }
    Side::Matches
}

/// Whether the bytes begin with one of these texts in either case, or can be the beginning of one.
fn begins(bytes: &[u8], of: &[&[u8]]) -> bool {
    of.iter().any(|text| bytes.iter().zip(*text).all(|(a, b)| a.eq_ignore_ascii_case(b)))
}
