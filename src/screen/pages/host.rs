//! The head of the page of one server: what it speaks, how it is called, and what was found there.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::flow::wrapped;
use crate::flow::Outcome;
use crate::report::escape;
use crate::report::parts::escape::SafeText;
use crate::report::parts::layout::fit;
use crate::report::parts::servers::{speaking, texts};
use crate::report::parts::units::{bytes, count, plural};
use crate::screen::state::ScreenState;
use crate::screen::tone::style;
use crate::stats::ServerKey;

/// The lines above the flows of a server.
pub(in crate::screen) fn lines(
    state: &ScreenState,
    key: ServerKey,
    width: usize,
) -> Vec<Line<'static>> {
    let Some(view) = state.view() else { return Vec::new() };
    let head = Style::default().add_modifier(Modifier::BOLD);
    let Some(server) = view.server(key) else {
        let text = format!("{key}  This server is no longer kept (--max-servers).");
        return vec![Line::styled(fit(&text, width), head)];
    };
    let (cell, also) = speaking(view.catalogue(), &server);
    let also = if also.is_empty() { String::new() } else { format!(", {}", also.join(", ")) };
    let also = escape(&also);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{key}  "), head),
        Span::styled(cell.text.to_string(), style(cell.tone, state.colour)),
        Span::raw(also),
    ])];
    let named: Vec<String> = texts(&server).collect();
    if !named.is_empty() {
        let text = SafeText::escape(&named.join(", "));
        lines.extend(wrapped(text.as_str(), width, 2).into_iter().map(Line::from));
    }
    if let Some(holder) = server.process {
        let text = format!(
            "process: {} (pid {}) of {}: {}",
            holder.name, holder.pid, holder.user, holder.command
        );
        lines.push(Line::from(fit(&format!("  {}", escape(&text)), width)));
    }
    let outcomes = server.outcomes().map(|(outcome, n)| {
        let name = match outcome {
            Outcome::Midstream => "already open at the start".to_owned(),
            outcome => outcome.as_str().replace('_', " "),
        };
        format!("{} {name}", count(n))
    });
    let figures = format!(
        "  {}, {}; from clients {}, from the server {}",
        plural(server.clients, "client"),
        outcomes.collect::<Vec<_>>().join(", "),
        bytes(server.bytes.initiator),
        bytes(server.bytes.responder)
    );
    lines.push(Line::from(fit(&figures, width)));
    for finding in view.findings_at(key) {
        let frame = finding.frame.map_or_else(String::new, |frame| format!(" (frame {frame})"));
        let text = format!("{}: {}{frame}", finding.severity.as_str(), escape(&finding.sentence));
        lines.extend(wrapped(&text, width, 2).into_iter().map(Line::from));
    }
    lines
}
