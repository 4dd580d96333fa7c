//! The lines below the page: the filter while it is typed, or the keys.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::LOWEST;
use crate::report::escape;
use crate::report::parts::layout::{Tone, fit};
use crate::report::parts::units::{count, plural};
use crate::screen::state::{Page, ScreenState};
use crate::screen::tone::style;

/// The footer: the filter that is typed with its completions or its fault; else the keys, below the
/// last message.
pub(super) fn footer(state: &ScreenState, width: usize, height: u16) -> Vec<Line<'static>> {
    if let Some(prompt) = &state.prompt {
        let rows = format!(
            "  {} of {}",
            count(state.rows.len() as u64),
            plural(state.all_rows as u64, state.kind().noun())
        );
        let text = escape(&prompt.text);
        let typed = Line::from(vec![
            Span::raw(format!("filter: {text}")),
            Span::styled(" ", Style::default().add_modifier(Modifier::REVERSED)),
            Span::styled(rows, style(Tone::Dim, state.colour)),
        ]);
        return vec![typed, hint(state, width)];
    }
    let dim = Style::default().add_modifier(Modifier::DIM);
    let mut lines = Vec::new();
    // Messages are printed at the end, too: a low window can do without.
    lines.extend(
        state
            .message()
            .filter(|_| height >= LOWEST)
            .map(|message| Line::styled(fit(&escape(message), width), Style::default())),
    );
    lines.push(Line::styled(keys(state, width), dim));
    lines
}

/// What may follow in the filter, or what is wrong with it.
fn hint(state: &ScreenState, width: usize) -> Line<'static> {
    let Some(prompt) = &state.prompt else { return Line::default() };
    if let Some(fault) = &prompt.fault {
        let text = format!("{}; {}", fault.reason(), fault.remedy());
        return Line::styled(fit(&escape(&text), width), style(Tone::Bad, state.colour));
    }
    let completions = prompt.completions(&|field| state.values(field));
    if completions.is_empty() {
        let dim = style(Tone::Dim, state.colour);
        return Line::styled(fit("Enter keep  Esc cancel", width), dim);
    }
    let label = "Tab:";
    let mut spans = vec![Span::styled(label, style(Tone::Dim, state.colour))];
    let mut used = label.len();
    let from = prompt.completed().unwrap_or(0);
    for (i, completion) in completions.iter().enumerate().skip(from) {
        let text = escape(completion);
        used += 1 + text.width();
        if used > width {
            break;
        }
        let is_taken = prompt.completed() == Some(i);
        let modifier = if is_taken { Modifier::REVERSED } else { Modifier::empty() };
        spans.push(Span::raw(" "));
        spans.push(Span::styled(text, Style::default().add_modifier(modifier)));
    }
    Line::from(spans)
}

/// The keys that matter here, as many as fit; the first ones everywhere.
fn keys(state: &ScreenState, width: usize) -> String {
    let own: &[&str] = match state.page() {
        _ if state.help.is_some() => &["Esc close help", "↑↓ scroll"],
        Page::List(_) => &["1-4 Tab views", "↑↓ Enter open", "/ filter", "s sort", "p pause"],
        Page::Port(_) | Page::Server(_) => &["Esc back", "↑↓ Enter open", "s sort", "p pause"],
        Page::Flow(_) => &["Esc back", "↑↓ ←→ scroll", "p pause"],
    };
    let mut text = String::new();
    for part in ["q quit", "? help"].iter().chain(own) {
        let gap = if text.is_empty() { "" } else { "  " };
        if text.width() + gap.len() + part.width() <= width {
            text = format!("{text}{gap}{part}");
        }
    }
    text
}
