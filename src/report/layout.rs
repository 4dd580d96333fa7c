//! Columns that fit a terminal: each as wide as its widest cell, those that may shrink cut with
//! `…`.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How the report is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Colours may be used.
    pub colour: bool,
}

impl Default for Style {
    /// For files and pipes.
    fn default() -> Self {
        Self { width: 100, colour: false }
    }
}

/// What a cell's colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// Proved.
    Good,
    /// Look here.
    Bad,
    /// Only the number.
    Dim,
}

impl Tone {
    /// Select graphic rendition (ECMA-48): green, bold red, faint.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("1;31"),
            Self::Dim => Some("2"),
        }
    }
}

/// A column.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// To the right, as numbers are.
    pub(super) right: bool,
    /// It keeps at least this many columns when the table must shrink; its full width where `None`.
    pub(super) least: Option<usize>,
}

impl Column {
    pub(super) const fn text(title: &'static str, least: usize) -> Self {
        Self { title, right: false, least: Some(least) }
    }

    pub(super) const fn fixed(title: &'static str) -> Self {
        Self { title, right: false, least: None }
    }

    pub(super) const fn number(title: &'static str) -> Self {
        Self { title, right: true, least: None }
    }
}

/// A row of cells; control characters must have been escaped.
pub(super) type Row = Vec<(String, Tone)>;

/// Writes the table, two blanks between columns.
pub(super) fn write(
    out: &mut dyn Write,
    style: Style,
    columns: &[Column],
    rows: &[Row],
) -> io::Result<()> {
    let widths = widths(style.width, columns, rows);
    let titles: Row = columns.iter().map(|c| (c.title.to_owned(), Tone::Plain)).collect();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for ((column, (text, tone)), &width) in columns.iter().zip(row).zip(&widths) {
            let cell = fit(text, width);
            let padding = " ".repeat(width - cell.width());
            let cell = match tone.code().filter(|_| style.colour && !cell.is_empty()) {
                Some(code) => format!("\x1b[{code}m{cell}\x1b[0m"),
                None => cell,
            };
            if !line.is_empty() {
                line += "  ";
            }
            line += &if column.right { padding + &cell } else { cell + &padding };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn widths(total: usize, columns: &[Column], rows: &[Row]) -> Vec<usize> {
    let widest = |i: usize| {
        rows.iter().filter_map(|row| row.get(i)).map(|(text, _)| text.width()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> =
        columns.iter().enumerate().map(|(i, c)| widest(i).max(c.title.width())).collect();
    let room = total.saturating_sub(2 * columns.len().saturating_sub(1));
    // The widest of those that may shrink gives way first.
    while widths.iter().sum::<usize>() > room {
        let widest = (0..columns.len())
            .filter(|&i| columns[i].least.is_some_and(|l| widths[i] > l))
            .max_by_key(|&i| widths[i]);
        let Some(widest) = widest else { break };
        widths[widest] -= 1;
    }
    widths
}

/// The text, or as much of it as fits with `…`; the mark of a guess at its end stays.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = if text.ends_with('?') { "…?" } else { "…" };
    let mut kept = String::new();
    let mut used = end.width();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept + end
}

/// The text in lines of at most `width` columns, broken between words; a word that is longer stands
/// alone.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_never_exceeds_its_width_and_cuts_the_widest_first() {
        let columns = [
            Column::fixed("PORT"),
            Column::text("NAME", 4),
            Column::text("MORE", 4),
            Column::number("N"),
        ];
        let row = |a: &str, b: &str, c: &str, d: &str| {
            [a, b, c, d].map(|s| (s.to_owned(), Tone::Plain)).to_vec()
        };
        let rows = [
            row("3001/tcp", "a name that is very long indeed", "short", "12"),
            row("1/udp", "中文字符名字很长很长", "x", "3,456"),
        ];
        let mut out = Vec::new();
        write(&mut out, Style { width: 40, colour: false }, &columns, &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        assert!(
            text.contains("short") && text.contains("a name that") && text.contains('…'),
            "{text}"
        );
        assert!(text.lines().nth(1).unwrap().ends_with("   12"));
    }

    #[test]
    fn text_is_broken_between_words_and_long_words_stand_alone() {
        assert_eq!(wrap("one two  three four", 8), ["one two", "three", "four"]);
        assert_eq!(
            wrap("a https://long.example/path b", 10),
            ["a", "https://long.example/path", "b"]
        );
        assert!(wrap(" ", 5).is_empty());
    }
}
