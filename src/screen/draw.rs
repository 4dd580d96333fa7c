//! The frame around what is looked at: what is captured, what was lost, which keys there are.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::state::{Page, State};
use super::{list, page};
use crate::report::escape;
use crate::report::parts::layout::{Tone, fit};
use crate::report::parts::units::{bytes, count, plural};

/// Draws everything.
pub(super) fn draw(state: &mut State<'_>, frame: &mut Frame<'_>) {
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

/// A tone as a style; without colours it is told by weight.
pub(super) fn style(tone: Tone, colour: bool) -> Style {
    let plain = Style::default();
    match (tone, colour) {
        (Tone::Plain, _) | (Tone::Good, false) => plain,
        (Tone::Good, true) => plain.fg(Color::Green),
        (Tone::Bad, true) => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        (Tone::Bad, false) => plain.add_modifier(Modifier::BOLD),
        (Tone::Dim, _) => plain.add_modifier(Modifier::DIM),
    }
}

/// What is captured and how fast; what was lost, always.
fn header(state: &State<'_>, width: usize) -> Vec<Line<'static>> {
    let Some(view) = &state.latest.as_ref().or(state.view()) else {
        return vec![Line::from(fit(
            &format!("portlore  {}  waiting", escape(&state.title)),
            width,
        ))];
    };
    let (run, tally) = (&view.run, &view.run.tally);
    let seconds = view.elapsed.as_secs();
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (frames, rate) = state.history.whole;
    let speed = format!("{}/s  {}/s", plural(frames, "frame"), bytes(rate));
    let live = plural(view.live_flows, "live flow");
    let first = format!("portlore  {}  {clock}  {speed}  {live}", escape(&state.title));
    let skipped: u64 = tally.skipped().map(|(_, frames)| frames).sum();
    let mut second =
        vec![Span::raw(format!("{}, {} skipped; ", plural(tally.frames, "frame"), count(skipped)))];
    let lost = run.drops.kernel + run.drops.interface + tally.queue;
    second.push(if lost == 0 {
        Span::styled("none dropped", style(Tone::Good, state.colour))
    } else {
        let text = format!(
            "dropped: kernel {}, interface {}, queue {}",
            run.drops.kernel, run.drops.interface, tally.queue
        );
        Span::styled(text, style(Tone::Bad, state.colour))
    });
    if run.evicted > 0 {
        second.push(Span::raw(format!("; {} left a full table", plural(run.evicted, "flow"))));
    }
    if state.is_held() {
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

/// What is typed, else the last message, else the keys.
fn footer(state: &State<'_>, width: usize) -> Line<'static> {
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
