//! The head of the page of one port: what speaks there, its processes and its figures.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::report::escape;
use crate::report::parts::labels;
use crate::report::parts::layout::{Cell, fit};
use crate::report::parts::units::{bytes, count, duration, plural, quantiles};
use crate::screen::history::bars;
use crate::screen::state::ScreenState;
use crate::screen::tone::style;
use crate::stats::{Distributions, PortStats, Quantiles};

/// Speakers, and processes of each side, that are listed at most.
const LISTED: usize = 3;
/// Columns of a histogram.
const BARS: usize = 24;
/// Bounds that are tried for the beginning of a histogram: four to each doubling.
const STEPS: usize = 256;

/// The lines above the flows of a port.
pub(in crate::screen) fn lines(
    state: &ScreenState,
    port: ServicePort,
    width: usize,
) -> Vec<Line<'static>> {
    let found = state.view().and_then(|view| Some((view.catalogue(), view.port(port)?)));
    let Some((catalogue, stats)) = found else {
        return vec![Line::from(format!("{port}  No packets yet."))];
    };
    let mut lines = about(catalogue, (port, stats), width, state.colour);
    lines.extend(figures(stats, width));
    lines
}

/// The names of the port, its speakers and its processes.
fn about(
    catalogue: &Catalogue,
    (port, stats): (ServicePort, &PortStats),
    width: usize,
    colour: bool,
) -> Vec<Line<'static>> {
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
            Span::styled(text, style(tone, colour)),
            Span::raw(tail),
        ]));
    }
    if speakers.len() > LISTED {
        lines.push(Line::from(format!("  and {} more", speakers.len() - LISTED)));
    }
    let sides =
        [(&stats.processes.responders, "server: "), (&stats.processes.initiators, "client: ")];
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
                "  {whose}process unknown in {}",
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
    let mut sums = vec![
        plural(all.initiators.count(), "client"),
        format!("→ {} {}", count(all.packets.initiator), bytes(all.bytes.initiator)),
        format!("← {} {}", count(all.packets.responder), bytes(all.bytes.responder)),
    ];
    let counters = all.counters.iter();
    sums.extend(
        counters.map(|(counter, sum)| format!("{} {}", count(sum), counter.title.to_lowercase())),
    );
    sums.push(labels::outcomes(all.by_outcome()));
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
