//! The tones of the report as terminal styles.

use ratatui::style::{Color, Modifier, Style};

use crate::report::parts::layout::Tone;

/// The style of a tone; without colours, weight shows it.
pub(super) fn style(tone: Tone, colour: bool) -> Style {
    let plain = Style::default();
    match (tone, colour) {
        (Tone::Plain, _) | (Tone::Good | Tone::Fair, false) => plain,
        (Tone::Fair, true) => plain.fg(Color::Yellow),
        (Tone::Good, true) => plain.fg(Color::Green),
        (Tone::Bad, true) => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        (Tone::Bad, false) => plain.add_modifier(Modifier::BOLD),
        (Tone::Dim, _) => plain.add_modifier(Modifier::DIM),
    }
}
