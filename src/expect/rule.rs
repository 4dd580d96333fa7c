//! What rules expect.

use std::fmt;

use super::selector::ServerSelector;
use super::spoken::SpokenName;
use crate::findings::{Finding, FindingKind, Severity};
use crate::flow_filter::FlowFilter;
use crate::sentence::{joined, plural};

/// Everything that a file expects.
pub struct Expectations {
    /// What the file calls itself; untrusted.
    pub name: Option<String>,
    /// The rules: of servers, of flows, of findings, each in the order of the file.
    pub rules: Vec<Rule>,
}

/// A rule.
pub struct Rule {
    /// What the file calls it, or what it expects; untrusted.
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    /// What it expects.
    pub kind: RuleKind,
}

/// What a rule is about.
pub enum RuleKind {
    /// `[[server]]`.
    Servers(ServerRule),
    /// `[[flow]]`.
    Flows(FlowRule),
    /// An element of `no` in `[findings]`.
    Findings(FindingRule),
}

/// What is expected of the servers that are selected.
pub struct ServerRule {
    /// Which servers.
    pub selector: ServerSelector,
    /// What each of them speaks; there is at least one.
    pub must: Vec<SpokenName>,
    /// There is none.
    pub none: bool,
    /// How many there are.
    pub at_least: Option<u64>,
    /// The bytes of all their flows together.
    pub at_most_bytes: Option<u64>,
    /// They speak nothing else.
    pub only: Vec<SpokenName>,
}

/// What is expected of the flows that are selected.
pub struct FlowRule {
    /// Which flows; `None` for all.
    pub filter: Option<FlowFilter>,
    /// What each of them speaks; there is at least one.
    pub must: Vec<SpokenName>,
    /// There is none.
    pub none: bool,
    /// How many there are.
    pub at_least: Option<u64>,
    /// Their bytes together.
    pub at_most_bytes: Option<u64>,
    /// What each of them matches.
    pub only: Option<FlowFilter>,
}

/// The findings that there must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingRule {
    /// Of a kind.
    Kind(FindingKind),
    /// Of a severity.
    Severity(Severity),
}

impl FindingRule {
    /// Every word that `no` may have.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        let kinds = FindingKind::ALL.iter().map(|kind| kind.as_str());
        kinds.chain(Severity::ALL.iter().map(|severity| severity.as_str()))
    }

    pub(super) fn new(word: &str) -> Option<Self> {
        let kind = FindingKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == word);
        kind.map(Self::Kind).or(severity.map(Self::Severity))
    }

    /// The word in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Severity(severity) => severity.as_str(),
        }
    }

    pub(super) fn is_of(self, finding: &Finding) -> bool {
        match self {
            Self::Kind(kind) => finding.kind == kind,
            Self::Severity(severity) => finding.severity == severity,
        }
    }
}

/// The keys that say what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expectation {
    /// `must`.
    Must,
    /// `none`.
    None,
    /// `at_least`.
    AtLeast,
    /// `at_most_bytes`.
    AtMostBytes,
    /// `only`.
    Only,
    /// `no`.
    No,
}

impl Expectation {
    /// The key in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::None => "none",
            Self::AtLeast => "at_least",
            Self::AtMostBytes => "at_most_bytes",
            Self::Only => "only",
            Self::No => "no",
        }
    }
}

impl Rule {
    /// The name of the table in the file.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        match self.kind {
            RuleKind::Servers(_) => "server",
            RuleKind::Flows(_) => "flow",
            RuleKind::Findings(_) => "findings",
        }
    }
}

/// Names with `and` or `or` before the last.
pub(super) fn names(names: &[SpokenName], last: &str) -> String {
    let names: Vec<&str> = names.iter().map(SpokenName::id).collect();
    joined(&names, last)
}

/// What a rule expects, as in `osc at 10.101.1.10, port 3032`; its name where the file has none.
impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, parts) = match self {
            Self::Findings(rule) => return write!(f, "findings: no {}", rule.as_str()),
            Self::Servers(rule) => (format!("at {}", rule.selector), rule.expectations()),
            Self::Flows(rule) => {
                let subject = match &rule.filter {
                    Some(filter) => format!("where {}", filter.text()),
                    None => "in all flows".to_owned(),
                };
                (subject, rule.expectations())
            }
        };
        write!(f, "{} {subject}", joined(&parts, "and"))
    }
}

impl ServerRule {
    /// What is expected, in the order of checks.
    fn expectations(&self) -> Vec<String> {
        let must = (!self.must.is_empty()).then(|| names(&self.must, "and"));
        let only = (!self.only.is_empty()).then(|| format!("only {}", names(&self.only, "and")));
        let none = self.none.then(|| "no server".to_owned());
        let parts =
            [none, must, self.at_least.map(|n| format!("at least {}", plural(n, "server")))];
        let bytes = self.at_most_bytes.map(|n| format!("at most {}", plural(n, "byte")));
        parts.into_iter().chain([bytes, only]).flatten().collect()
    }
}

impl FlowRule {
    /// What is expected, in the order of checks.
    fn expectations(&self) -> Vec<String> {
        let must = (!self.must.is_empty()).then(|| names(&self.must, "and"));
        let only = self.only.as_ref().map(|only| format!("only {}", only.text()));
        let none = self.none.then(|| "no flow".to_owned());
        let parts = [none, must, self.at_least.map(|n| format!("at least {}", plural(n, "flow")))];
        let bytes = self.at_most_bytes.map(|n| format!("at most {}", plural(n, "byte")));
        parts.into_iter().chain([bytes, only]).flatten().collect()
    }
}
