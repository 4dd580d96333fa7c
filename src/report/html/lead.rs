//! The first sentence of the page: what is wrong, in words that need no table.

use crate::findings::{Finding, Severity};
use crate::report::Report;
use crate::report::parts::escape::{SafeText, escape};
use crate::report::parts::units::{count, plural};

/// Findings that the sentence names.
const NAMED: usize = 3;

/// The sentence: the gravest findings, or that there are none.
pub(super) fn lead(report: &Report<'_>) -> SafeText {
    let findings = report.findings();
    let of = |severity| findings.iter().filter(move |f| f.severity == severity);
    let number = |severity| of(severity).count() as u64;
    let [alerts, warnings, notes] = Severity::ALL.map(number);
    let named = |severity| named(&of(severity).collect::<Vec<_>>());
    let text = match (alerts, warnings, notes) {
        (0, 0, 0) if report.run.stats.ports.is_empty() => {
            "No TCP or UDP connection was captured.".to_owned()
        }
        (0, 0, 0) => format!(
            "Nothing on {} contradicts what the port is registered or customarily used for.",
            plural(report.run.stats.ports.len() as u64, "port")
        ),
        (0, 0, 1) => format!("Nothing is out of place; one note: {}", named(Severity::Note)),
        (0, 0, notes) => {
            format!("Nothing is out of place; {} notes: {}", count(notes), named(Severity::Note))
        }
        (0, 1, _) => format!("Something is probably wrong: {}", named(Severity::Warning)),
        (0, many, _) => {
            format!("{} things are probably wrong: {}", count(many), named(Severity::Warning))
        }
        (1, ..) => format!("Something does not belong here: {}", named(Severity::Alert)),
        (many, ..) => {
            format!("{} things do not belong here: {}", count(many), named(Severity::Alert))
        }
    };
    let others = match (alerts, warnings, notes) {
        (0, 0, _) => 0,
        (0, _, notes) => notes,
        (_, warnings, notes) => warnings + notes,
    };
    let others = match others {
        0 => String::new(),
        1 => " One more finding is below.".to_owned(),
        many => format!(" {} more findings are below.", count(many)),
    };
    SafeText::trusted(text + &others)
}

/// The first findings with their places, and how many more there are.
fn named(findings: &[&Finding]) -> String {
    let name = |finding: &&Finding| format!("{} ({})", escape(&finding.sentence), finding.port);
    let mut names: Vec<String> = findings.iter().take(NAMED).map(name).collect();
    let more = findings.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("and {} more", count(more as u64)));
    }
    format!("{}.", names.join("; "))
}
