//! The whole screen: the header with what is captured and lost, the views, the page, the footer with
//! the keys.

mod footer;
mod header;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use self::footer::footer;
use self::header::header;
use super::columns::FittedColumns;
use super::lists::{ListKind, RowKey};
use super::pages;
use super::state::{Page, ScreenState, Scroll};
use super::tone::style;
use crate::report::escape;
use crate::report::parts::layout::{Tone, fit, wrap};

/// Rows of a window below which the lines around the list give way to it.
const LOW: u16 = 12;
const LOWEST: u16 = 8;
/// Rows that are kept for the list below the head of a page.
const LIST: usize = 6;
/// Lines of the finding that is chosen, below the list.
const DETAIL: usize = 5;

/// Draws the screen.
pub(super) fn draw(state: &mut ScreenState, frame: &mut Frame<'_>) {
    let area = frame.area();
    let width = usize::from(area.width);
    let head = header(state, width, area.height);
    let foot = footer(state, width, area.height);
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
        let cells = kind.cells(source, row, titles);
        let marked = if i == at {
            Style::default().add_modifier(Modifier::REVERSED)
        } else {
            Style::default()
        };
        lines.push(columns.line(cells, state.colour).style(marked));
    }
    if state.rows.is_empty() {
        lines.extend(wrap(&nothing(state), width).into_iter().map(Line::from));
    }
    lines
}

/// Why a list has no rows.
fn nothing(state: &ScreenState) -> String {
    let text = match (state.page(), state.all_rows) {
        (Page::List(ListKind::Ports), 0) => "No TCP or UDP packets yet.",
        (Page::List(ListKind::Servers), 0) => "No server has answered yet.",
        (Page::List(ListKind::Findings), 0) => "No findings so far.",
        (Page::List(ListKind::Flows), 0) => "No flows yet.",
        (Page::List(kind), _) => {
            return format!("No {}s match the filter. Press Esc to clear it.", kind.noun());
        }
        _ if state.is_answered() => "Its flows have been discarded.",
        _ if state.is_paused() => "Paused: p resumes the view and loads its flows.",
        _ => "Loading …",
    };
    text.to_owned()
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
