//! The check as a document. Field names are a contract, as those of reports are.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::{CheckPage, wireshark};
use crate::expect::{CheckedRule, Violation};
use crate::findings::Finding;
use crate::report::formats::json::{FlowJson, write_line};
use crate::report::parts::display_filter::FilterOn;
use crate::stats::ServerKey;

/// The name of this layout.
const SCHEMA: &str = "portlore/check/1";

/// Writes the check.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, page: &CheckPage<'_>) -> io::Result<()> {
    let checked = page.checked;
    write_line(
        out,
        &CheckJson {
            schema: SCHEMA,
            expectations: page.file,
            name: page.name,
            inputs: page.inputs,
            holds: checked.holds(),
            violated: checked.violated(),
            flows: checked.flows,
            servers: checked.servers,
            complete: page.problems.is_empty(),
            rules: checked.rules.iter().map(|rule| RuleJson::new(rule, page.filter_on)).collect(),
            problems: page.problems,
            notices: page.notices,
        },
    )
}

#[derive(Serialize)]
struct CheckJson<'c> {
    schema: &'static str,
    expectations: &'c str,
    name: Option<&'c str>,
    inputs: &'c [String],
    holds: bool,
    violated: usize,
    flows: u64,
    servers: u64,
    complete: bool,
    rules: Vec<RuleJson<'c>>,
    problems: &'c [String],
    notices: &'c [String],
}

#[derive(Serialize)]
struct RuleJson<'c> {
    rule: &'static str,
    name: &'c str,
    line: usize,
    expected: String,
    holds: bool,
    violations: Vec<ViolationJson<'c>>,
}

impl<'c> RuleJson<'c> {
    fn new(CheckedRule { rule, violations }: &'c CheckedRule<'c>, on: FilterOn) -> Self {
        Self {
            rule: rule.table(),
            name: &rule.name,
            line: rule.line,
            expected: rule.kind.to_string(),
            holds: violations.is_empty(),
            violations: violations.iter().map(|one| ViolationJson::new(one, on)).collect(),
        }
    }
}

#[derive(Serialize)]
struct ViolationJson<'c> {
    expectation: &'static str,
    message: &'c str,
    server: Option<ServerKeyJson>,
    finding: Option<BreakingFindingJson<'c>>,
    frame: Option<u64>,
    /// With the reasons of the verdicts.
    flows: Vec<FlowJson<'c>>,
    more: u64,
    #[serde(rename = "where")]
    filter: Option<&'c str>,
    wireshark: Option<String>,
}

impl<'c> ViolationJson<'c> {
    fn new(violation: &'c Violation, on: FilterOn) -> Self {
        Self {
            expectation: violation.expectation.as_str(),
            message: &violation.message,
            server: violation.server.map(ServerKeyJson::from),
            finding: violation.finding.as_ref().map(BreakingFindingJson::from),
            frame: violation.frame,
            flows: violation.flows.iter().map(FlowJson::new).collect(),
            more: violation.more,
            filter: violation.filter.as_deref(),
            wireshark: wireshark(violation, on),
        }
    }
}

#[derive(Serialize)]
struct ServerKeyJson {
    address: IpAddr,
    port: u16,
    transport: &'static str,
}

impl From<ServerKey> for ServerKeyJson {
    fn from(ServerKey { address, port, transport, .. }: ServerKey) -> Self {
        Self { address, port, transport: transport.as_str() }
    }
}

#[derive(Serialize)]
struct BreakingFindingJson<'c> {
    kind: &'static str,
    severity: &'static str,
    sentence: &'c str,
    advice: Option<&'c str>,
}

impl<'c> From<&'c Finding> for BreakingFindingJson<'c> {
    fn from(finding: &'c Finding) -> Self {
        Self {
            kind: finding.kind.as_str(),
            severity: finding.severity.as_str(),
            sentence: &finding.sentence,
            advice: finding.advice.as_deref(),
        }
    }
}
