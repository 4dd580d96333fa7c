//! The check for people: a line for each rule that does not hold, with what breaks it and why.

use std::io::{self, Write};

use super::{CheckPage, wireshark};
use crate::expect::{CheckedRule, Violation};
use crate::report::parts::escape::escape;
use crate::report::parts::inputs::input_names;
use crate::report::parts::layout::{Style, Tone, write_toned, write_wrapped};
use crate::report::parts::units::{count, plural};
use crate::report::parts::why;

/// Writes the check.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, page: &CheckPage<'_>, style: Style) -> io::Result<()> {
    let checked = page.checked;
    let rules = checked.rules.len() as u64;
    let holding = rules - checked.violated() as u64;
    let inputs = input_names(page.inputs);
    let (flows, servers) = (plural(checked.flows, "flow"), plural(checked.servers, "server"));
    let verdict = match holding {
        all if all == rules && rules == 1 => "the rule holds".to_owned(),
        all if all == rules => format!("all {} hold", plural(rules, "rule")),
        _ if rules == 1 => "the rule does not hold".to_owned(),
        some => format!("{} of {} hold", count(some), plural(rules, "rule")),
    };
    let file = escape(page.file);
    let name = page.name.map_or_else(String::new, |name| format!(" ({})", escape(name)));
    write_wrapped(
        out,
        style,
        "",
        &format!("{file}{name}: {verdict} for {inputs} ({flows}, {servers})"),
        2,
    )?;
    for rule in checked.rules.iter().filter(|rule| !rule.violations.is_empty()) {
        writeln!(out)?;
        write_rule(out, page, rule, style)?;
    }
    if !page.notices.is_empty() {
        writeln!(out)?;
    }
    let mut notices = page.notices.iter();
    notices.try_for_each(|notice| write_wrapped(out, style, "NOTE: ", &escape(notice), 0))
}

/// The lines of the check without colours, as they go where other messages go.
#[must_use]
pub fn lines(page: &CheckPage<'_>) -> Vec<String> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    drop(write(&mut text, page, Style::default()));
    let text = String::from_utf8_lossy(&text);
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn write_rule(
    out: &mut dyn Write,
    page: &CheckPage<'_>,
    CheckedRule { rule, violations }: &CheckedRule<'_>,
    style: Style,
) -> io::Result<()> {
    let (name, expected) = (escape(&rule.name), escape(&rule.kind.to_string()));
    let expected = if name == expected { String::new() } else { format!("; expected: {expected}") };
    let text = format!("{name} (line {}){expected}", rule.line);
    write_toned(out, style, ("VIOLATED  ", Tone::Bad), &text, 0)?;
    violations.iter().try_for_each(|violation| write_violation(out, page, violation, style))
}

fn write_violation(
    out: &mut dyn Write,
    page: &CheckPage<'_>,
    violation: &Violation,
    style: Style,
) -> io::Result<()> {
    let frame = violation.frame.filter(|_| violation.flows.is_empty());
    let frame = frame.map_or_else(String::new, |frame| format!(" (frame {frame})"));
    let severity = violation.finding.as_ref().map_or_else(String::new, |finding| {
        format!("{} ({}) at ", finding.severity.as_str(), finding.kind.as_str())
    });
    let text = format!("{severity}{}{frame}", escape(&violation.message));
    let head = match violation.finding {
        Some(_) => "  found: ".to_owned(),
        None => format!("  {}: ", violation.expectation.as_str()),
    };
    write_wrapped(out, style, &head, &text, 2)?;
    if let Some(advice) = violation.finding.as_ref().and_then(|finding| finding.advice.as_deref()) {
        write_wrapped(out, style, "    ", &escape(advice), 2)?;
    }
    let mut below = Vec::new();
    for flow in &violation.flows {
        why::write(&mut below, flow, Some(page.filter_on))?;
    }
    for line in String::from_utf8_lossy(&below).lines() {
        writeln!(out, "    {line}")?;
    }
    if violation.more > 0 {
        writeln!(out, "    and {} more", count(violation.more))?;
    }
    // The display filters of flows stand with them.
    if let Some(filter) =
        wireshark(violation, page.filter_on).filter(|_| violation.flows.is_empty())
    {
        writeln!(out, "    Wireshark: {filter}")?;
    }
    if let Some(filter) = &violation.filter {
        writeln!(
            out,
            "    To list the connections: portlore replay CAPTURE --flows --where '{}'",
            escape(filter).replace('\'', "'\\''")
        )?;
    }
    Ok(())
}
