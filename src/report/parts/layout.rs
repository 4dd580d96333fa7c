//! Tables that fit a terminal: each column is as wide as its widest cell; those that may shrink are
//! cut with `…`.

use std::io::{self, Write};

use super::escape::SafeText;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a text for people is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

impl Default for Style {
    /// The style of files and pipes: 100 columns without colours.
    fn default() -> Self {
        Self { width: 100, colour: false }
    }
}

/// What the colour of a cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Proved.
    Good,
    /// Needs attention.
    Bad,
    /// Perhaps needs attention.
    Fair,
    /// Rests on the port number only.
    Dim,
}

impl Tone {
    /// The parameter of "select graphic rendition" (ECMA-48): green, bold red, yellow, faint.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("1;31"),
            Self::Fair => Some("33"),
            Self::Dim => Some("2"),
        }
    }

    /// A text in this tone, where colours may be used.
    pub(in crate::report) fn paint(self, text: &str, style: Style) -> String {
        match self.code().filter(|_| style.colour && !text.is_empty()) {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }
}

/// A column of a table.
pub(in crate::report) struct Column {
    title: &'static str,
    /// Aligned to the right, as numbers are.
    right: bool,
    /// The width that it keeps when the table must shrink; `None` if it does not shrink.
    least: Option<usize>,
}

impl Column {
    /// A text that may shrink to `least` columns.
    pub(in crate::report) const fn text(title: &'static str, least: usize) -> Self {
        Self { title, right: false, least: Some(least) }
    }

    /// A text that does not shrink.
    pub(in crate::report) const fn fixed(title: &'static str) -> Self {
        Self { title, right: false, least: None }
    }

    /// A number, which does not shrink.
    pub(in crate::report) const fn number(title: &'static str) -> Self {
        Self { title, right: true, least: None }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Its text.
    pub text: SafeText,
    /// Its colour.
    pub tone: Tone,
}

impl From<SafeText> for Cell {
    fn from(text: SafeText) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl Cell {
    /// A cell of untrusted text, which is escaped.
    #[must_use]
    pub fn escape(untrusted: &str) -> Self {
        Self { text: SafeText::escape(untrusted), tone: Tone::Plain }
    }

    /// A cell of text that [holds nothing untrusted](SafeText::trusted), such as a number.
    #[must_use]
    pub fn trusted(text: impl Into<String>) -> Self {
        Self { text: SafeText::trusted(text), tone: Tone::Plain }
    }

    /// The cell in this tone.
    #[must_use]
    pub const fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    fn width(&self) -> usize {
        self.text.as_str().width()
    }
}

/// A row of a table, a cell for each column.
pub(in crate::report) type Row = Vec<Cell>;

/// Writes a table, two blanks between columns.
pub(in crate::report) fn write(
    out: &mut dyn Write,
    style: Style,
    columns: &[Column],
    rows: &[Row],
) -> io::Result<()> {
    let widths = widths(style.width, columns, rows);
    let titles: Row = columns.iter().map(|c| Cell::trusted(c.title)).collect();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for ((column, cell), &width) in columns.iter().zip(row).zip(&widths) {
            let text = fit(cell.text.as_str(), width);
            let padding = " ".repeat(width - text.width());
            let text = match cell.tone.code().filter(|_| style.colour && !text.is_empty()) {
                Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
                None => text,
            };
            if !line.is_empty() {
                line += "  ";
            }
            line += &if column.right { padding + &text } else { text + &padding };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn widths(total: usize, columns: &[Column], rows: &[Row]) -> Vec<usize> {
    let widest =
        |i: usize| rows.iter().filter_map(|row| row.get(i)).map(Cell::width).max().unwrap_or(0);
    let mut widths: Vec<usize> =
        columns.iter().enumerate().map(|(i, c)| widest(i).max(c.title.width())).collect();
    let room = total.saturating_sub(2 * columns.len().saturating_sub(1));
    // The widest column that may shrink gives way first.
    while widths.iter().sum::<usize>() > room {
        let widest = (0..columns.len())
            .filter(|&i| columns[i].least.is_some_and(|l| widths[i] > l))
            .max_by_key(|&i| widths[i]);
        let Some(widest) = widest else { break };
        widths[widest] -= 1;
    }
    widths
}

/// Cuts `text` to `width` columns, with `…` at the end.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = "…";
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

/// Breaks `text` between words into lines of at most `width` columns; a word that is longer has a
/// line of its own.
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
        let row = |a: &str, b: &str, c: &str, d: &str| [a, b, c, d].map(Cell::trusted).to_vec();
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
