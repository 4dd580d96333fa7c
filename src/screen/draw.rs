//! The whole screen: the header with what is captured and lost, the page, the footer with the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::state::{Page, ScreenState};
use super::tone::style;
use super::{list, page};
use crate::report::escape;
use crate::report::parts::layout::{Tone, fit};
use crate::report::parts::units::{bytes, count, plural};

/// Draws the screen.
pub(super) fn draw(state: &mut ScreenState, frame: &mut Frame<'_>) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    let width = usize::from(head.width);
    frame.render_widget(Paragraph::new(header(state, width)), head);
    let lines = match state.page {
        Page::List => list::lines(state, body.width.into(), body.height.into()),
        Page::Port { port, flow, why } => {
            page::lines(state, port, flow, why, body.width.into(), body.height.into())
        }
    };
    frame.render_widget(Paragraph::new(lines), body);
    frame.render_widget(Paragraph::new(footer(state, width)), foot);
}

/// The header: what is captured and how fast, and what was lost.
fn header(state: &ScreenState, width: usize) -> Vec<Line<'static>> {
    let Some(view) = &state.latest.as_ref().or(state.view()) else {
        return vec![Line::from(fit(
            &format!("portlore  {}  waiting", escape(&state.title)),
            width,
        ))];
    };
    let (run, counters) = (&view.run, &view.run.counters);
    let seconds = view.elapsed.as_secs();
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (frames, rate) = state.history.whole;
    let speed = format!("{}/s  {}/s", plural(frames, "frame"), bytes(rate));
    let live = plural(view.live_flows, "live flow");
    let first = format!("portlore  {}  {clock}  {speed}  {live}", escape(&state.title));
    let skipped: u64 = counters.skipped().map(|(_, frames)| frames).sum();
    let mut second = vec![Span::raw(format!(
        "{}, {} skipped; ",
        plural(counters.frames, "frame"),
        count(skipped)
    ))];
    let lost = run.drops.kernel + run.drops.interface + counters.queue;
    second.push(if lost == 0 {
        Span::styled("none dropped", style(Tone::Good, state.colour))
    } else {
        let text = format!(
            "dropped: kernel {}, interface {}, queue {}",
            run.drops.kernel, run.drops.interface, counters.queue
        );
        Span::styled(text, style(Tone::Bad, state.colour))
    });
    if run.evicted > 0 {
        second.push(Span::raw(format!("; {} left a full table", plural(run.evicted, "flow"))));
    }
    if state.is_paused() {
        second.push(Span::styled("  PAUSED", Style::default().add_modifier(Modifier::REVERSED)));
    }
    second.extend(run.problems.last().map(|problem| {
        Span::styled(format!("  {}", escape(problem)), style(Tone::Bad, state.colour))
    }));
    vec![
        Line::styled(fit(&first, width), Style::default().add_modifier(Modifier::BOLD)),
        Line::from(second),
    ]
}

/// The footer: the filter that is typed, or the keys with the last message or the filter.
fn footer(state: &ScreenState, width: usize) -> Line<'static> {
    if let Some((text, fault)) = &state.typing {
        let fault =
            fault.as_ref().map_or_else(String::new, |fault| format!("   {}", escape(fault)));
        return Line::from(vec![
            Span::raw(format!("/{text}")),
            Span::styled(" ", Style::default().add_modifier(Modifier::REVERSED)),
            Span::styled(
                fit(&fault, width.saturating_sub(text.len() + 2)),
                style(Tone::Bad, state.colour),
            ),
        ]);
    }
    let keys = match state.page {
        Page::List => format!(
            "↑↓ choose  Enter open  w why  / filter  s sort: {}  p pause  q report",
            state.sort.as_str()
        ),
        Page::Port { .. } => "↑↓ choose  w why  p pause  Esc back  q report".to_owned(),
    };
    let keys = match (&state.filter_text, state.message()) {
        (_, Some(message)) => format!("{keys}  │ {}", escape(message)),
        (filter, None) if !filter.is_empty() => format!("{keys}  │ /{filter}"),
        _ => keys,
    };
    Line::styled(fit(&keys, width), Style::default().add_modifier(Modifier::DIM))
}
