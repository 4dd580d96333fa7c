//! The lines above the page: what is captured and how fast, what was lost, the views, the filter.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::{LOW, LOWEST, cut};
use crate::report::escape;
use crate::report::parts::layout::{Tone, fit};
use crate::report::parts::selection;
use crate::report::parts::units::{bytes, count, drops, plural};
use crate::screen::lists::ListKind;
use crate::screen::state::{Page, ScreenState};
use crate::screen::tone::style;

/// Columns from which on the names of the views have numbers, and all of them are named.
const WITH_NUMBERS: usize = 64;
const WITH_NAMES: usize = 37;

/// The header: what is captured and how fast, what was lost, the views, the filter.
pub(super) fn header(state: &ScreenState, width: usize, height: u16) -> Vec<Line<'static>> {
    let bold = Style::default().add_modifier(Modifier::BOLD);
    let title = escape(&state.title);
    let Some(view) = state.latest.as_ref().or(state.view()) else {
        return vec![Line::styled(fit(&format!("portlore  {title}  waiting"), width), bold)];
    };
    let snapshot = &view.snapshot;
    let seconds = snapshot.elapsed.as_secs();
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (frames, rate) = state.history.whole;
    let speed = format!("{}/s  {}/s", plural(frames, "packet"), bytes(rate));
    let open = format!("{} open", plural(snapshot.live_flows, "flow"));
    let first = format!("portlore  {title}  {clock}  {speed}  {open}");
    let mut lines = vec![Line::styled(fit(&first, width), bold)];
    let (counts, is_lossy) = counts(state, width);
    if height >= LOWEST || is_lossy {
        lines.push(counts);
    }
    if height >= LOW || state.is_paused() {
        lines.push(views(state, width));
    }
    if let Some(line) = filter_line(state, width) {
        lines.push(line);
    }
    lines
}

/// Where the packets went, and whether some were lost.
fn counts(state: &ScreenState, width: usize) -> (Line<'static>, bool) {
    let Some(view) = state.latest.as_ref().or(state.view()) else {
        return (Line::default(), false);
    };
    let (run, counters) = (&view.snapshot.run, &view.snapshot.run.counters);
    let skipped: u64 = counters.skipped().map(|(_, frames)| frames).sum();
    let mut line = vec![Span::raw(format!(
        "{}, {} not analysed; ",
        plural(counters.frames, "packet"),
        count(skipped)
    ))];
    let dropped = [run.drops.kernel, run.drops.interface, counters.queue];
    let lost: u64 = dropped.iter().sum();
    line.push(if lost == 0 {
        Span::styled("no packets dropped", style(Tone::Good, state.colour))
    } else {
        let text = format!("dropped: {}", drops(dropped));
        Span::styled(text, style(Tone::Bad, state.colour))
    });
    if run.evicted > 0 {
        line.push(Span::raw(format!("; {} no longer tracked", plural(run.evicted, "connection"))));
    }
    if let Some(selection) = selection::sentence(run) {
        line.push(Span::raw(format!("; {selection}")));
    }
    line.extend(run.problems.last().map(|problem| {
        Span::styled(format!("  {}", escape(problem)), style(Tone::Bad, state.colour))
    }));
    let line = Line::from(line);
    let is_cut = line.width() > width && lost == 0;
    (if is_cut { cut(line, width) } else { line }, lost > 0)
}

/// The names of the views with their keys and numbers of rows; the one that is shown stands out.
fn views(state: &ScreenState, width: usize) -> Line<'static> {
    let reversed = Style::default().add_modifier(Modifier::REVERSED);
    let mut spans = Vec::new();
    for (i, kind) in ListKind::ALL.into_iter().enumerate() {
        let number = state.view().map_or(0, |view| {
            let stats = &view.snapshot.run.stats;
            match kind {
                ListKind::Ports => stats.ports.len(),
                ListKind::Servers => view.addresses.values().map(Vec::len).sum(),
                ListKind::Findings => view.findings.len(),
                ListKind::Flows => 0,
            }
        });
        let is_shown = kind == state.list();
        let text = match width {
            WITH_NUMBERS.. if number > 0 => {
                format!(" {} {} {} ", i + 1, kind.title(), count(number as u64))
            }
            WITH_NUMBERS.. => format!(" {} {} ", i + 1, kind.title()),
            WITH_NAMES.. => format!("{} {}", i + 1, kind.title()),
            _ if is_shown => format!("{} {}", i + 1, kind.title()),
            _ => (i + 1).to_string(),
        };
        spans.push(Span::styled(text, if is_shown { reversed } else { Style::default() }));
        spans.push(Span::raw(" "));
    }
    if state.is_paused() {
        spans.push(Span::styled(" PAUSED ", reversed));
    }
    Line::from(spans)
}

/// The filter that is in force, unless it is being typed.
fn filter_line(state: &ScreenState, width: usize) -> Option<Line<'static>> {
    if state.filter_text.is_empty() || state.prompt.is_some() {
        return None;
    }
    let Page::List(kind) = state.page() else { return None };
    let rows = |n: usize| count(n as u64);
    let shown =
        format!("  {} of {}", rows(state.rows.len()), plural(state.all_rows as u64, kind.noun()));
    let text = format!("filter: {}", escape(&state.filter_text));
    let text = fit(&text, width.saturating_sub(shown.width())) + &shown;
    Some(Line::styled(fit(&text, width), style(Tone::Fair, state.colour)))
}
