//! The page of one flow: its verdict with all reasons, its facts, and the first bytes of both sides.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::octets;
use crate::evidence::Direction;
use crate::flow::{FlowRecord, Orientation};
use crate::pipeline::JudgedFlow;
use crate::report::parts::layout::wrap;
use crate::report::parts::units::{bytes, plural};
use crate::report::parts::why;
use crate::screen::lists::flow_state;
use crate::screen::state::{OpenedFlow, ScreenState};

/// Blanks before the lines of a section, and before those that continue one.
const INDENT: usize = 2;

/// The lines of the flow that is open.
pub(in crate::screen) fn lines(state: &ScreenState, width: usize) -> Vec<Line<'static>> {
    let Some(opened) = &state.flow else { return Vec::new() };
    let JudgedFlow { record, .. } = &opened.flow;
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = why::write(&mut text, &opened.flow, Some(state.filter_on));
    let text = String::from_utf8_lossy(&text);
    let mut of_report = text.lines();
    let mut lines = Vec::new();
    let head = of_report.next().unwrap_or_default();
    lines.extend(wrapped(head, width, 0).into_iter().map(bold));
    let side = |name: &str, direction: Direction| {
        let (packets, sent) = (record.packets.side(direction), record.bytes.side(direction));
        format!("{name} {}, {}", plural(packets, "packet"), bytes(sent))
    };
    let sides =
        [side("client:", Direction::Initiator), side("server:", Direction::Responder)].join("; ");
    let frames = format!("frames {} to {}", record.first_frame, record.last_frame);
    let now = format!("Now: {}; {frames}; {sides}", flow_state(record));
    lines.extend(wrapped(&now, width, 0).into_iter().map(Line::from));
    if record.orientation == Orientation::Guessed {
        let guessed = "Which side is the client is a guess: the beginning was not captured.";
        lines.extend(wrapped(guessed, width, 0).into_iter().map(Line::from));
    }
    section(&mut lines, "WHY");
    let reasons = of_report.map(|line| line.strip_prefix("    ").unwrap_or(line));
    let mut reasons = reasons.flat_map(|line| wrapped(line, width, INDENT)).peekable();
    if reasons.peek().is_none() {
        lines.push(Line::from("  Nothing but the port number says who may be here."));
    }
    lines.extend(reasons.map(Line::from));
    for direction in Direction::BOTH {
        let title = match direction {
            Direction::Initiator => "FIRST BYTES FROM THE CLIENT",
            Direction::Responder => "FIRST BYTES FROM THE SERVER",
        };
        section(&mut lines, title);
        lines.extend(first_bytes(opened, record, direction).into_iter().map(Line::from));
    }
    lines
}

/// The first bytes of a side, or why there are none.
fn first_bytes(opened: &OpenedFlow, record: &FlowRecord, direction: Direction) -> Vec<String> {
    let say = |text: &str| vec![text.to_owned()];
    if record.payload_bytes.side(direction) == 0 {
        return say("  It sent no payload.");
    }
    let opening = opened.detail.as_ref().and_then(|detail| detail.opening.as_ref());
    match opening.map(|opening| opening.side(direction)) {
        Some(stream) if !stream.is_empty() => octets::lines(stream),
        Some(_) => say("  None of its bytes are held."),
        None if opened.is_answered => say("  The first bytes have been discarded."),
        None => say("  Loading …"),
    }
}

fn section(lines: &mut Vec<Line<'static>>, title: &str) {
    lines.push(Line::default());
    let style = Style::default().add_modifier(Modifier::UNDERLINED);
    lines.push(Line::styled(title.to_owned(), style));
}

fn bold(text: String) -> Line<'static> {
    Line::styled(text, Style::default().add_modifier(Modifier::BOLD))
}

/// A text broken into lines, those that continue it further in; the blanks before it stay.
pub(super) fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let own = text.len() - text.trim_start().len();
    let indent = indent + own;
    let broken = wrap(text, width.saturating_sub(indent + 2).max(16));
    let place = |i: usize| " ".repeat(indent + if i == 0 { 0 } else { 2 });
    broken.into_iter().enumerate().map(|(i, line)| place(i) + &line).collect()
}
