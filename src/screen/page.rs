//! One port in full: who speaks, who is behind it, its figures, its latest flows and why they were
//! judged so.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::draw::style;
use super::history::{Port, bars};
use super::state::State;
use crate::flow::Outcome;
use crate::pipeline::{JudgedFlow, View};
use crate::report::escape;
use crate::report::parts::layout::{Cell, fit, wrap};
use crate::report::parts::units::{bytes, count, duration, plural, quantiles};
use crate::report::parts::{labels, why};
use crate::stats::{Figures, PortStats, Quantiles};

/// Speakers and processes that are listed, each.
const SOME: usize = 3;
/// Columns of a histogram.
const BARS: usize = 24;
/// Steps in which its beginning is looked for: four to each doubling.
const STEPS: usize = 256;
/// Columns before a reason.
const INDENT: usize = 4;

/// The flows of a port that a view has.
pub(super) fn flows<'v, 'c>(
    view: &'v View<'c>,
    port: Port,
) -> impl Iterator<Item = &'v JudgedFlow<'c>> {
    view.run
        .flows
        .iter()
        .filter(move |flow| (flow.record.responder.port, flow.record.transport) == port)
}

pub(super) fn lines(
    state: &mut State<'_>,
    port: Port,
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
    let all: Vec<_> = flows(view, port).collect();
    let chosen = chosen.min(all.len().saturating_sub(1));
    let reasons =
        all.get(chosen).filter(|_| with_why).map_or_else(Vec::new, |flow| reasons(flow, width));
    // The reasons stand below their flow, and the flow stays in sight.
    let rows = room.saturating_sub(reasons.len()).max(1);
    let top = (chosen + 1).saturating_sub(rows);
    let title = format!("LATEST FLOWS  {} of {}", all.len(), count(stats.all.flows));
    lines.push(Line::styled(
        fit(&title, width),
        Style::default().add_modifier(Modifier::UNDERLINED),
    ));
    for (i, flow) in all.iter().enumerate().skip(top).take(rows) {
        let text = fit(&told(flow, false).swap_remove(0), width);
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

/// A flow as the report tells it.
fn told(flow: &JudgedFlow<'_>, with_why: bool) -> Vec<String> {
    let mut text = Vec::new();
    // Memory can always be written.
    let _ = why::write(&mut text, flow, with_why);
    let lines: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// Why a flow was judged so, long lines broken.
fn reasons(flow: &JudgedFlow<'_>, width: usize) -> Vec<String> {
    let lines = told(flow, true);
    let wrapped = lines.iter().skip(1).flat_map(|line| {
        let broken = wrap(line, width.saturating_sub(INDENT + 2));
        broken
            .into_iter()
            .enumerate()
            .map(|(i, text)| " ".repeat(INDENT + if i == 0 { 0 } else { 2 }) + &text)
    });
    wrapped.collect()
}

/// Names, speakers, processes.
fn about(
    state: &State<'_>,
    (port, transport): Port,
    stats: &PortStats<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let catalogue = state.catalogue;
    let head = format!(
        "{port}/{transport}  registered: {}  customary: {}",
        labels::registered(catalogue, port, transport),
        labels::customary(catalogue, port, transport)
    );
    let mut lines =
        vec![Line::styled(fit(&head, width), Style::default().add_modifier(Modifier::BOLD))];
    let speakers = labels::speakers(stats);
    for (key, (flows, sum)) in speakers.iter().take(SOME) {
        let Cell { text, tone } = labels::spoken(catalogue, key);
        let tail = format!("  {}, {}", plural(*flows, "flow"), bytes(*sum));
        let text = fit(text.as_str(), width.saturating_sub(tail.len() + 2));
        lines.push(Line::from(vec![
            Span::raw("  "),
            Span::styled(text, style(tone, state.colour)),
            Span::raw(tail),
        ]));
    }
    if speakers.len() > SOME {
        lines.push(Line::from(format!("  and {} more", speakers.len() - SOME)));
    }
    let behind =
        [(&stats.behind.responders, "behind it: "), (&stats.behind.initiators, "called by: ")];
    for (flows, whose) in behind {
        let mut holders: Vec<_> = flows.by.iter().collect();
        // Those with most flows.
        holders.sort_by_key(|(holder, flows)| (std::cmp::Reverse(**flows), *holder));
        for (holder, _) in holders.iter().take(SOME) {
            let place = holder
                .container
                .as_deref()
                .map_or_else(String::new, |place| format!(" in {place}"));
            let doubts = flows.doubts();
            let text = format!(
                "{} (pid {}) of {}{place}{doubts}: {}",
                holder.name, holder.pid, holder.user, holder.command
            );
            lines.push(Line::from(fit(&format!("  {whose}{}", escape(&text)), width)));
        }
        if holders.len() > SOME {
            lines.push(Line::from(format!("  {whose}{} more", holders.len() - SOME)));
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

/// How a value is written.
type Unit = fn(u64) -> String;

fn figures(PortStats { all, figures, .. }: &PortStats<'_>, width: usize) -> Vec<Line<'static>> {
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
    let lines = match figures {
        Some(figures) => histograms(figures),
        None => vec![
            "sizes and times are not kept: too many ports have many (--histogram-ports)".to_owned(),
        ],
    };
    std::iter::once(sums.join("  "))
        .chain(lines)
        .map(|text| Line::from(fit(&text, width)))
        .collect()
}

fn histograms(figures: &Figures) -> Vec<String> {
    let all: [(&str, &Quantiles, Unit); 4] = [
        ("handshake", &figures.handshake_rtt_ns, duration),
        ("first response", &figures.first_response_ns, duration),
        ("duration", &figures.duration_ns, duration),
        ("frame bytes", &figures.packet_bytes, |n| n.to_string()),
    ];
    let some = all.into_iter().filter(|(_, values, _)| values.count() > 0);
    some.map(|(name, values, unit)| {
        format!("{name:<15}{}  {}", histogram(values), quantiles(values.summary(), unit))
    })
    .collect()
}

/// How often each range of values occurred, from the least to the largest, each range as much wider
/// than the one before.
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
