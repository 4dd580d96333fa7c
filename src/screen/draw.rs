//! The whole screen: the header with what is captured and lost, the views, the page, the footer with
//! the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::columns::FittedColumns;
use super::lists::{ListKind, RowKey};
use super::pages;
use super::state::{Page, ScreenState, Scroll};
use super::tone::style;
use crate::report::escape;
use crate::report::parts::layout::{Tone, fit, wrap};
use crate::report::parts::units::{bytes, count, plural};

/// Rows of a window below which the lines around the list give way to it.
const LOW: u16 = 12;
const LOWEST: u16 = 8;
/// Rows that are kept for the list below the head of a page.
const LIST: usize = 6;
/// Lines of the finding that is chosen, below the list.
const DETAIL: usize = 5;

/// Columns from which on the names of the views have numbers, and all of them are named.
const WITH_NUMBERS: usize = 64;
const WITH_NAMES: usize = 37;

/// Draws the screen.
pub(super) fn draw(state: &mut ScreenState, frame: &mut Frame<'_>) {
    let area = frame.area();
    let width = usize::from(area.width);
    let head = header(state, width, area.height);
    let foot = footer(state, width);
    let [above, body, below] = Layout::vertical([
        Constraint::Length(head.len() as u16),
        Constraint::Min(1),
        Constraint::Length(foot.len() as u16),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head), above);
    let lines = if state.help.is_some() {
        let lines = pages::help_lines(state, width);
        scrolled(state, lines, body)
    } else {
        match state.page() {
            Page::List(_) => list_page(state, body),
            Page::Port(port) => {
                let about = pages::port_lines(state, port, width);
                flows_page(state, about, body)
            }
            Page::Server(key) => {
                let about = pages::server_lines(state, key, width);
                flows_page(state, about, body)
            }
            Page::Flow(_) => {
                let lines = pages::flow_lines(state, width);
                scrolled(state, lines, body)
            }
        }
    };
    frame.render_widget(Paragraph::new(lines), body);
    frame.render_widget(Paragraph::new(foot), below);
}

/// The part of a text that is in sight. How far it is scrolled never goes beyond its end.
fn scrolled(state: &mut ScreenState, lines: Vec<Line<'static>>, area: Rect) -> Vec<Line<'static>> {
    let (height, width) = (usize::from(area.height), usize::from(area.width));
    let longest = lines.iter().map(Line::width).max().unwrap_or(0);
    let scroll = state.help.as_mut().unwrap_or(&mut state.scroll);
    scroll.lines = scroll.lines.min(lines.len().saturating_sub(height));
    scroll.columns = scroll.columns.min(longest.saturating_sub(width));
    let Scroll { lines: top, columns } = *scroll;
    state.height = height;
    let shown = lines.into_iter().skip(top).take(height);
    shown
        .map(|line| if columns == 0 { cut(line, width) } else { moved(&line, columns, width) })
        .collect()
}

/// A line that shows where it goes on.
fn cut(line: Line<'static>, width: usize) -> Line<'static> {
    if line.width() <= width {
        return line;
    }
    let style = line.style;
    Line::styled(fit(&line.to_string(), width), style)
}

/// A line without its first columns.
fn moved(line: &Line<'static>, columns: usize, width: usize) -> Line<'static> {
    let text = line.to_string();
    let mut left = columns;
    let rest = text.chars().skip_while(|c| {
        let wide = c.to_string().width();
        let is_before = left > 0;
        left = left.saturating_sub(wide);
        is_before
    });
    Line::styled(fit(&rest.collect::<String>(), width), line.style)
}

/// A list over the whole page, with the finding that is chosen below it.
fn list_page(state: &mut ScreenState, area: Rect) -> Vec<Line<'static>> {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let detail = if area.height >= LOW { detail(state, width) } else { Vec::new() };
    let mut lines = table(state, width, height.saturating_sub(detail.len()));
    if !detail.is_empty() {
        lines.resize(height - detail.len(), Line::default());
        lines.extend(detail);
    }
    lines
}

/// The flows of a port or a server, below what is known of it.
fn flows_page(
    state: &mut ScreenState,
    mut about: Vec<Line<'static>>,
    area: Rect,
) -> Vec<Line<'static>> {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    about = about.into_iter().map(|line| cut(line, width)).collect();
    let room = height.saturating_sub(LIST + 1);
    if about.len() > room {
        about.truncate(room.saturating_sub(1));
        about.extend((room > 0).then(|| Line::from("…")));
    }
    about.extend((!about.is_empty()).then(Line::default));
    let left = height.saturating_sub(about.len());
    about.extend(table(state, width, left));
    about
}

/// The titles and the rows of a list, with the chosen row in sight.
fn table(state: &mut ScreenState, width: usize, height: usize) -> Vec<Line<'static>> {
    let kind = state.kind();
    let columns = FittedColumns::new(kind.columns(), state.sorting(), width);
    let rows = height.saturating_sub(1);
    let at = state.place();
    let chosen = state.chosen();
    state.height = rows;
    let top = state.cursor().map_or(0, |cursor| {
        cursor.chosen = chosen.or(cursor.chosen);
        cursor.top = cursor.top.min(at).max((at + 1).saturating_sub(rows));
        cursor.top
    });
    let underlined = Style::default().add_modifier(Modifier::UNDERLINED);
    let mut lines = vec![columns.titles().style(underlined)];
    let Some(source) = state.source() else { return lines };
    for (i, &row) in state.rows.iter().enumerate().skip(top).take(rows) {
        let titles = columns.shown.iter().map(|&(at, width)| (kind.columns()[at].title, width));
        let cells = titles.map(|(title, width)| kind.cell(source, row, title, width)).collect();
        let marked = if i == at {
            Style::default().add_modifier(Modifier::REVERSED)
        } else {
            Style::default()
        };
        lines.push(columns.line(cells, state.colour).style(marked));
    }
    if state.rows.is_empty() {
        lines.extend(wrap(nothing(state), width).into_iter().map(Line::from));
    }
    lines
}

/// Why a list has no rows.
fn nothing(state: &ScreenState) -> &'static str {
    match (state.page(), state.all_rows) {
        (Page::List(ListKind::Ports), 0) => "No TCP or UDP packets yet.",
        (Page::List(ListKind::Servers), 0) => "No server has answered yet.",
        (Page::List(ListKind::Findings), 0) => "No findings so far.",
        (Page::List(ListKind::Flows), 0) => "No flows yet.",
        (Page::List(ListKind::Ports), _) => "No ports match the filter. Press Esc to clear it.",
        (Page::List(ListKind::Servers), _) => "No servers match the filter. Press Esc to clear it.",
        (Page::List(ListKind::Findings), _) => {
            "No findings match the filter. Press Esc to clear it."
        }
        (Page::List(ListKind::Flows), _) => "No flows match the filter. Press Esc to clear it.",
        _ => "None of its flows is held: only the latest ones are.",
    }
}

/// The finding that is chosen, whole, with its advice.
fn detail(state: &ScreenState, width: usize) -> Vec<Line<'static>> {
    let Some(RowKey::Finding(id)) = state.chosen() else { return Vec::new() };
    let Some(finding) = state.view().and_then(|view| view.finding(id)) else { return Vec::new() };
    let mut lines = vec![Line::default()];
    let sentence = wrap(&format!("{}.", escape(&finding.sentence)), width);
    lines.extend(sentence.into_iter().map(Line::from));
    let advice = finding.advice.iter().flat_map(|advice| wrap(&escape(advice), width));
    lines.extend(advice.map(|line| Line::styled(line, style(Tone::Dim, state.colour))));
    lines.truncate(DETAIL);
    lines
}

/// The header: what is captured and how fast, what was lost, the views, the filter.
fn header(state: &ScreenState, width: usize, height: u16) -> Vec<Line<'static>> {
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
    let lost = run.drops.kernel + run.drops.interface + counters.queue;
    line.push(if lost == 0 {
        Span::styled("none dropped", style(Tone::Good, state.colour))
    } else {
        let [kernel, interface, queue] =
            [run.drops.kernel, run.drops.interface, counters.queue].map(count);
        let text = format!("dropped: kernel {kernel}, interface {interface}, queue {queue}");
        Span::styled(text, style(Tone::Bad, state.colour))
    });
    if run.evicted > 0 {
        line.push(Span::raw(format!("; {} left a full table", plural(run.evicted, "flow"))));
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

/// The footer: the filter that is typed with its completions or its fault; else the keys, below the
/// last message.
fn footer(state: &ScreenState, width: usize) -> Vec<Line<'static>> {
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
    lines.extend(
        state.message().map(|message| Line::styled(fit(&escape(message), width), Style::default())),
    );
    lines.push(Line::styled(keys(state, width), dim));
    lines
}

/// What may follow in the filter, or what is wrong with it.
fn hint(state: &ScreenState, width: usize) -> Line<'static> {
    let Some(prompt) = &state.prompt else { return Line::default() };
    if let Some(fault) = &prompt.fault {
        return Line::styled(fit(&escape(fault), width), style(Tone::Bad, state.colour));
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
        Page::List(_) => &["1-4 Tab view", "↑↓ Enter open", "/ filter", "s sort", "p pause"],
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
