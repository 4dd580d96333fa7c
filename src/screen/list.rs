//! The list of all ports: what is registered, customary and speaking there, the process, the rate.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::state::ScreenState;
use super::tone::style;
use crate::classify::Fit;
use crate::decode::ServicePort;
use crate::report::escape;
use crate::report::parts::escape::SafeText;
use crate::report::parts::labels;
use crate::report::parts::layout::{Cell, fit};
use crate::report::parts::units::{bytes, count};
use crate::stats::{PortProcesses, PortStats};

/// The least width with room for more columns.
const WIDE: usize = 110;

/// A column: its title, its width, and whether it is a number.
type ListColumn = (&'static str, usize, bool);

/// The columns that fit. The texts share the width that the numbers leave.
fn columns(width: usize) -> Vec<ListColumn> {
    let wide = width >= WIDE;
    let trend = if wide { 20 } else { 8 };
    let gaps = if wide { 8 } else { 6 };
    let numbers = 9 + 9 + trend + gaps + if wide { 7 + 9 } else { 0 };
    let rest = width.saturating_sub(numbers).max(20);
    let (registered, customary, process) = ((rest / 5).max(10), rest / 5, rest / 5);
    let speaking = rest.saturating_sub(registered + customary + process);
    let mut columns = vec![
        ("PORT", 9, false),
        ("REGISTERED", registered, false),
        ("CUSTOMARY", customary, false),
        ("SPEAKING", speaking, false),
        ("PROCESS", process, false),
    ];
    if wide {
        columns.extend([("FLOWS", 7, true), ("BYTES", 9, true)]);
    }
    columns.extend([("RATE", 9, true), ("TREND", trend, true)]);
    columns
}

/// The lines of the list, with the chosen port in sight.
pub(super) fn lines(state: &mut ScreenState, width: usize, height: usize) -> Vec<Line<'static>> {
    let columns = columns(width);
    let rows = height.saturating_sub(1);
    let ports: Vec<(ServicePort, &PortStats)> = state.ports();
    let at = state.chosen.and_then(|chosen| ports.iter().position(|(port, _)| *port == chosen));
    let chosen = at.or((!ports.is_empty()).then_some(0));
    let at = chosen.unwrap_or(0);
    let top = state.top.min(at).max((at + 1).saturating_sub(rows));
    let titles =
        line(columns.iter().map(|&(title, ..)| Cell::trusted(title)), &columns, state.colour);
    let mut lines = vec![titles.style(Style::default().add_modifier(Modifier::UNDERLINED))];
    for (i, &(port, stats)) in ports.iter().enumerate().skip(top).take(rows) {
        let row = line(cells(state, port, stats, &columns).into_iter(), &columns, state.colour);
        let marked = if i == at {
            Style::default().add_modifier(Modifier::REVERSED)
        } else {
            Style::default()
        };
        lines.push(row.style(marked));
    }
    if ports.is_empty() {
        let text = if state.filter_text.is_empty() {
            "No TCP or UDP yet."
        } else {
            "No port that the filter lets pass; Esc clears it."
        };
        lines.push(Line::from(text));
    }
    let chosen = chosen.and_then(|at| ports.get(at)).map(|(port, _)| *port);
    (state.top, state.rows, state.chosen) = (top, rows, chosen.or(state.chosen));
    lines
}

fn cells(
    state: &ScreenState,
    port: ServicePort,
    stats: &PortStats,
    columns: &[ListColumn],
) -> Vec<Cell> {
    let catalogue = &state.catalogue;
    let mut speakers = labels::speakers(stats);
    // What does not belong on the port comes first.
    speakers.sort_by_key(|(key, _)| key.fit != Some(Fit::Contradicts));
    let more = speakers.len().saturating_sub(1);
    let mut spoken = speakers
        .first()
        .map(|(key, of)| labels::speaker_of_port(catalogue, key, of, stats))
        .unwrap_or_default();
    if more > 0 {
        let plus = format!(" +{more}");
        let width = columns
            .iter()
            .find(|(title, ..)| *title == "SPEAKING")
            .map_or(0, |&(_, width, _)| width);
        let text = fit(spoken.text.as_str(), width.saturating_sub(plus.width())) + &plus;
        spoken.text = SafeText::trusted(text);
    }
    columns
        .iter()
        .map(|&(title, width, _)| match title {
            "PORT" => Cell::trusted(port.to_string()),
            "REGISTERED" => labels::registered(catalogue, port).into(),
            "CUSTOMARY" => labels::customary(catalogue, port).into(),
            "SPEAKING" => spoken.clone(),
            "PROCESS" => Cell::trusted(process(&stats.processes)),
            "FLOWS" => Cell::trusted(count(stats.all.flows)),
            "BYTES" => Cell::trusted(bytes(stats.all.bytes.sum())),
            "RATE" => match state.history.rate(port) {
                0 => Cell::default(),
                rate => Cell::trusted(format!("{}/s", bytes(rate))),
            },
            _ => Cell::trusted(state.history.trend(port, width)),
        })
        .collect()
}

/// The process behind the port; after an arrow the process that calls it, if only that one is of
/// this machine.
fn process(processes: &PortProcesses) -> String {
    for (flows, arrow) in [(&processes.responders, ""), (&processes.initiators, "→ ")] {
        // The process with most flows stands for all.
        let Some((holder, _)) = flows.by_process.iter().max_by_key(|(_, flows)| **flows) else {
            continue;
        };
        let mut others: Vec<&str> =
            flows.by_process.keys().map(|holder| holder.name.as_str()).collect();
        others.dedup();
        let plus = if others.len() > 1 { format!(" +{}", others.len() - 1) } else { String::new() };
        let caveats = flows.caveats();
        return format!("{arrow}{}{plus}{caveats}", escape(&holder.name));
    }
    if processes.is_empty() { String::new() } else { "unknown".to_owned() }
}

/// A line of cells, each as wide as its column, with a blank between them.
fn line(cells: impl Iterator<Item = Cell>, columns: &[ListColumn], colour: bool) -> Line<'static> {
    let mut spans = Vec::new();
    for (Cell { text, tone }, &(_, width, right)) in cells.zip(columns) {
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        let text = fit(text.as_str(), width);
        let pad = " ".repeat(width.saturating_sub(text.width()));
        let text = if right { pad + &text } else { text + &pad };
        spans.push(Span::styled(text, style(tone, colour)));
    }
    Line::from(spans)
}
