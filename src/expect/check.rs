//! The check of a capture: each flow when it ends, then the servers and findings of its report.
//!
//! No flow is kept but the first few that break a rule, or those with most bytes where there are too
//! many: memory depends on the number of rules only.

use super::broken::{of_finding_rule, of_flow_rule, of_server_rule};
use super::rule::{Expectation, Expectations, FlowRule, Rule, RuleKind, ServerRule};
use crate::findings::Finding;
use crate::flow::Outcome;
use crate::pipeline::{JudgedFlow, Run};
use crate::stats::{Server, ServerKey, Unanswered};

/// Flows that are kept of a rule, for each of its expectations.
const KEPT: usize = 10;

/// A check that is going on.
pub struct Checker<'e> {
    expectations: &'e Expectations,
    /// One for each rule.
    tallies: Vec<Tally>,
    flows: u64,
}

/// What was seen of a rule.
#[derive(Default)]
pub(super) struct Tally {
    /// Flows that a rule about flows selects.
    pub(super) flows: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    kept: Vec<KeptFlows>,
}

/// Flows that break an expectation.
struct KeptFlows {
    expectation: Expectation,
    count: u64,
    flows: Vec<JudgedFlow>,
}

/// What a check found.
pub struct Checked<'e> {
    /// The rules, in their order.
    pub rules: Vec<CheckedRule<'e>>,
    /// The number of flows.
    pub flows: u64,
    /// The number of servers.
    pub servers: u64,
}

/// A rule and what breaks it.
pub struct CheckedRule<'e> {
    /// The rule.
    pub rule: &'e Rule,
    /// Empty where it holds.
    pub violations: Vec<Violation>,
}

/// What breaks a rule.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The expectation that does not hold.
    pub expectation: Expectation,
    /// What was found instead; untrusted.
    pub message: String,
    /// The server that is to blame.
    pub server: Option<ServerKey>,
    /// The finding that is to blame.
    pub finding: Option<Finding>,
    /// The first frame that shows it, where one does.
    pub frame: Option<u64>,
    /// Flows that show it, with their reasons: the first few, by their first frames.
    pub flows: Vec<JudgedFlow>,
    /// Further flows, servers or findings that show it.
    pub more: u64,
    /// The text with which `--where` selects the flows that show it, where there is one.
    pub filter: Option<String>,
}

impl<'e> Checker<'e> {
    /// Begins a check.
    #[must_use]
    pub fn new(expectations: &'e Expectations) -> Self {
        let tallies = expectations.rules.iter().map(|_| Tally::default()).collect();
        Self { expectations, tallies, flows: 0 }
    }

    /// Counts a flow that has ended.
    pub fn flow(&mut self, flow: &JudgedFlow) {
        self.flows += 1;
        for (rule, tally) in self.expectations.rules.iter().zip(&mut self.tallies) {
            match &rule.kind {
                RuleKind::Flows(rule) => tally.of_flows(rule, flow),
                RuleKind::Servers(rule) => tally.of_servers(rule, flow),
                RuleKind::Findings(_) => {}
            }
        }
    }

    /// Ends the check, when the capture is over; `findings` are those of its report.
    #[must_use]
    pub fn end(self, run: &Run, findings: &[Finding]) -> Checked<'e> {
        let Self { expectations, tallies, flows } = self;
        let servers: Vec<Server<'_>> = run.stats.servers.rows().collect();
        let catalogue = &*run.catalogue;
        let frames = run.counters.frames;
        let rules = expectations.rules.iter().zip(tallies).map(|(rule, tally)| {
            let violations = match &rule.kind {
                RuleKind::Flows(rule) => of_flow_rule(rule, tally, (flows, frames)),
                RuleKind::Servers(rule) => {
                    of_server_rule(rule, tally, (&servers, catalogue), frames)
                }
                RuleKind::Findings(rule) => of_finding_rule(*rule, findings),
            };
            CheckedRule { rule, violations }
        });
        Checked { rules: rules.collect(), flows, servers: servers.len() as u64 }
    }
}

impl Checked<'_> {
    /// Whether every rule holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violated() == 0
    }

    /// The number of rules that do not hold.
    #[must_use]
    pub fn violated(&self) -> usize {
        self.rules.iter().filter(|rule| !rule.violations.is_empty()).count()
    }
}

impl Tally {
    fn of_flows(&mut self, rule: &FlowRule, flow: &JudgedFlow) {
        if !rule.filter.as_ref().is_none_or(|own| own.matches(flow.view())) {
            return;
        }
        self.flows += 1;
        self.bytes += flow.record.bytes.sum();
        let verdict = &flow.verdict;
        if rule.none {
            self.keep(Expectation::None, flow);
        }
        if !rule.must.iter().all(|name| name.is_in(verdict)) {
            self.keep(Expectation::Must, flow);
        }
        if rule.only.as_ref().is_some_and(|only| !only.matches(flow.view())) {
            self.keep(Expectation::Only, flow);
        }
        if rule.at_most_bytes.is_some() {
            self.keep_largest(flow);
        }
        if rule.at_least.is_some() {
            self.keep(Expectation::AtLeast, flow);
        }
    }

    /// Keeps what shows why a rule about servers may not hold.
    fn of_servers(&mut self, rule: &ServerRule, flow: &JudgedFlow) {
        let JudgedFlow { record, verdict, .. } = flow;
        if !rule.selector.has_endpoint(ServerKey::new(record.responder, record.transport)) {
            return;
        }
        let is_answered =
            !matches!(record.outcome, Outcome::Refused | Outcome::Unreachable | Outcome::NoAnswer);
        if rule.none && is_answered {
            self.keep(Expectation::None, flow);
        }
        let is_spoken = rule.must.iter().all(|name| name.is_in(verdict));
        let is_silent = || Unanswered::new(record, verdict).is_some();
        if !rule.must.is_empty() && (!is_spoken || is_silent()) {
            self.keep(Expectation::Must, flow);
        }
        let is_allowed = |protocol| rule.only.iter().any(|name| name.allows(protocol));
        if !rule.only.is_empty() && is_answered && !verdict.protocol.is_some_and(is_allowed) {
            self.keep(Expectation::Only, flow);
        }
        if rule.at_most_bytes.is_some() {
            self.keep_largest(flow);
        }
        if rule.at_least.is_some() {
            self.keep(Expectation::AtLeast, flow);
        }
    }

    fn kept(&mut self, expectation: Expectation) -> &mut KeptFlows {
        let at = self.kept.iter().position(|kept| kept.expectation == expectation);
        let at = at.unwrap_or_else(|| {
            self.kept.push(KeptFlows { expectation, count: 0, flows: Vec::new() });
            self.kept.len() - 1
        });
        &mut self.kept[at]
    }

    fn keep(&mut self, expectation: Expectation, flow: &JudgedFlow) {
        let kept = self.kept(expectation);
        kept.count += 1;
        if kept.flows.len() < KEPT {
            kept.flows.push(flow.clone());
        }
    }

    /// Keeps the flow if it is one of those with most bytes; of equal ones, the first.
    fn keep_largest(&mut self, flow: &JudgedFlow) {
        let kept = self.kept(Expectation::AtMostBytes);
        kept.count += 1;
        let size = |flow: &JudgedFlow| flow.record.bytes.sum();
        let at = kept.flows.partition_point(|other| size(other) >= size(flow));
        if at < KEPT {
            kept.flows.insert(at, flow.clone());
            kept.flows.truncate(KEPT);
        }
    }

    /// Takes out the flows that break an expectation, by their first frames, and their number.
    pub(super) fn take(&mut self, expectation: Expectation) -> (Vec<JudgedFlow>, u64) {
        let Some(kept) = self.kept.iter_mut().find(|kept| kept.expectation == expectation) else {
            return (Vec::new(), 0);
        };
        let mut flows = std::mem::take(&mut kept.flows);
        if expectation != Expectation::AtMostBytes {
            flows.sort_by_key(|flow| flow.record.first_frame);
        }
        (flows, kept.count)
    }
}
