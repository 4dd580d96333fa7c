//! The page of one port: what speaks there, its processes, its figures, its latest flows and the
//! reasons of their verdicts.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::history::bars;
use super::state::ScreenState;
use super::tone::style;
use crate::decode::ServicePort;
use crate::flow::Outcome;
use crate::pipeline::JudgedFlow;
use crate::report::escape;
use crate::report::parts::display_filter::FilterOn;
use crate::report::parts::layout::{Cell, fit, wrap};
use crate::report::parts::units::{bytes, count, duration, plural, quantiles};
use crate::report::parts::{labels, why};
use crate::stats::{Distributions, PortStats, Quantiles};

/// Speakers, and processes of each side, that are listed at most.
const LISTED: usize = 3;
/// Columns of a histogram.
const BARS: usize = 24;
/// Bounds that are tried for the beginning of a histogram: four to each doubling.
const STEPS: usize = 256;
/// Blanks before a reason.
const INDENT: usize = 4;

/// The lines of the page, with the chosen flow in sight.
pub(super) fn lines(
    state: &mut ScreenState,
    port: ServicePort,
    chosen: usize,
    with_why: bool,
    width: usize,
    height: usize,
) -> Vec<Line<'static>> {
    let Some(view) = state.view() else { return Vec::new() };
    let Some(stats) = view.run.stats.ports.get(&port) else {
        return vec![Line::from("Nothing was seen of it yet.")];
    };
    let mut lines = about(state, port, stats, width);
    lines.push(Line::default());
    lines.extend(figures(stats, width));
    lines.push(Line::default());
    let room = height.saturating_sub(lines.len() + 1).max(1);
    let all: Vec<_> = state.flows(port).collect();
    let chosen = chosen.min(all.len().saturating_sub(1));
    let reasons = all
        .get(chosen)
        .filter(|_| with_why)
        .map_or_else(Vec::new, |flow| reasons(flow, state.filter_on, width));
    // The reasons stand below their flow, which stays in sight.
    let rows = room.saturating_sub(reasons.len()).max(1);
    let top = (chosen + 1).saturating_sub(rows);
    let title = format!("LATEST FLOWS  {} of {}", all.len(), count(stats.all.flows));
    lines.push(Line::styled(
        fit(&title, width),
        Style::default().add_modifier(Modifier::UNDERLINED),
    ));
    for (i, flow) in all.iter().enumerate().skip(top).take(rows) {
        let text = fit(&flow_lines(flow, None).swap_remove(0), width);
        let marked = if i == chosen {
            Style::default().add_modifier(Modifier::REVERSED)
        } else {
            Style::default()
        };
        lines.push(Line::styled(text, marked));
        if i == chosen {
            lines.extend(reasons.iter().map(|reason| Line::from(reason.clone())));
        }
    }
    if all.is_empty() {
        lines.push(Line::from("asking for its flows …"));
    }
    state.rows = rows;
    lines
}

/// The lines of a flow in the report.
fn flow_lines(flow: &JudgedFlow, why: Option<FilterOn>) -> Vec<String> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = why::write(&mut text, flow, why);
    let lines: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// The reasons of a verdict, with long lines broken.
fn reasons(flow: &JudgedFlow, filter_on: FilterOn, width: usize) -> Vec<String> {
    let lines = flow_lines(flow, Some(filter_on));
    let wrapped = lines.iter().skip(1).flat_map(|line| {
        let broken = wrap(line, width.saturating_sub(INDENT + 2));
        broken
            .into_iter()
            .enumerate()
            .map(|(i, text)| " ".repeat(INDENT + if i == 0 { 0 } else { 2 }) + &text)
    });
    wrapped.collect()
}

/// The names of the port, its speakers and its processes.
fn about(
    state: &ScreenState,
    port: ServicePort,
    stats: &PortStats,
    width: usize,
) -> Vec<Line<'static>> {
    let catalogue = &state.catalogue;
    let head = format!(
        "{port}  registered: {}  customary: {}",
        labels::registered(catalogue, port),
        labels::customary(catalogue, port)
    );
    let mut lines =
        vec![Line::styled(fit(&head, width), Style::default().add_modifier(Modifier::BOLD))];
    let speakers = labels::speakers(stats);
    for (key, speaking) in speakers.iter().take(LISTED) {
        let Cell { text, tone } = labels::speaker_of_port(catalogue, key, speaking, stats);
        let candidates = labels::candidates(catalogue, port, key, speaking);
        let candidates = match candidates.as_str() {
            "-" => String::new(),
            candidates => format!("  candidates: {candidates}"),
        };
        let (flows, sum) = (plural(speaking.flows, "flow"), bytes(speaking.bytes));
        let tail = format!("  {flows}, {sum}{candidates}");
        let text = fit(text.as_str(), width.saturating_sub(tail.width() + 2));
        lines.push(Line::from(vec![
            Span::raw("  "),
            Span::styled(text, style(tone, state.colour)),
            Span::raw(tail),
        ]));
    }
    if speakers.len() > LISTED {
        lines.push(Line::from(format!("  and {} more", speakers.len() - LISTED)));
    }
    let sides = [
        (&stats.processes.responders, "behind it: "),
        (&stats.processes.initiators, "called by: "),
    ];
    for (flows, whose) in sides {
        let mut holders: Vec<_> = flows.by_process.iter().collect();
        // Most flows first.
        holders.sort_by_key(|(holder, flows)| (std::cmp::Reverse(**flows), *holder));
        for (holder, _) in holders.iter().take(LISTED) {
            let place = holder
                .container
                .as_deref()
                .map_or_else(String::new, |place| format!(" in {place}"));
            let caveats = flows.caveats();
            let text = format!(
                "{} (pid {}) of {}{place}{caveats}: {}",
                holder.name, holder.pid, holder.user, holder.command
            );
            lines.push(Line::from(fit(&format!("  {whose}{}", escape(&text)), width)));
        }
        if holders.len() > LISTED {
            lines.push(Line::from(format!("  {whose}{} more", holders.len() - LISTED)));
        }
        if flows.unknown > 0 {
            lines.push(Line::from(format!(
                "  {whose}unknown processes in {}",
                plural(flows.unknown, "flow")
            )));
        }
    }
    lines
}

/// Formats a value with its unit.
type Unit = fn(u64) -> String;

/// The sums and histograms of the port.
fn figures(PortStats { all, distributions, .. }: &PortStats, width: usize) -> Vec<Line<'static>> {
    let outcomes = Outcome::ALL
        .iter()
        .map(|&outcome| (all.outcomes[outcome as usize], outcome.as_str().replace('_', " ")));
    let outcomes: Vec<_> =
        outcomes.filter(|(n, _)| *n > 0).map(|(n, name)| format!("{} {name}", count(n))).collect();
    let mut sums = vec![
        plural(all.initiators.count(), "initiator"),
        format!("→ {} {}", count(all.packets.initiator), bytes(all.bytes.initiator)),
        format!("← {} {}", count(all.packets.responder), bytes(all.bytes.responder)),
    ];
    let counters = all.counters.iter();
    sums.extend(
        counters.map(|(counter, sum)| format!("{} {}", count(sum), counter.title.to_lowercase())),
    );
    sums.push(outcomes.join(", "));
    let lines = match distributions {
        Some(distributions) => histograms(distributions),
        None => vec![
            "sizes and times are not kept: too many ports have many (--histogram-ports)".to_owned(),
        ],
    };
    std::iter::once(sums.join("  "))
        .chain(lines)
        .map(|text| Line::from(fit(&text, width)))
        .collect()
}

fn histograms(distributions: &Distributions) -> Vec<String> {
    let all: [(&str, &Quantiles, Unit); 4] = [
        ("handshake", &distributions.handshake_rtt_ns, duration),
        ("first response", &distributions.first_response_ns, duration),
        ("duration", &distributions.duration_ns, duration),
        ("frame bytes", &distributions.packet_bytes, |n| n.to_string()),
    ];
    let some = all.into_iter().filter(|(_, values, _)| values.count() > 0);
    some.map(|(name, values, unit)| {
        format!("{name:<15}{}  {}", histogram(values), quantiles(values.summary(), unit))
    })
    .collect()
}

/// The counts of ranges of values as bars, from the least to the largest value; each range is wider
/// than the one before by the same factor.
fn histogram(values: &Quantiles) -> String {
    let max = values.summary().max.max(1) as f64;
    let least = (0..STEPS)
        .map(|i| max * 2_f64.powf(i as f64 / -4.0))
        .find(|&bound| values.at_most(bound as u64) == 0);
    let least = least.unwrap_or(0.0).max(1.0);
    let bound = |i: usize| (least * (max / least).powf(i as f64 / BARS as f64)).round() as u64;
    let mut below = 0;
    let counts: Vec<u64> = (1..=BARS)
        .map(|i| {
            let at_most = if i == BARS { values.count() } else { values.at_most(bound(i)) };
            let here = at_most.saturating_sub(below);
            below = below.max(at_most);
            here
        })
        .collect();
    format!("▕{}▏", bars(&counts))
}
