//! Tables that fit a terminal: each column is as wide as its widest cell; those that may shrink are
//! cut with `…`.

use std::cmp::Reverse;
use std::collections::HashSet;
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
    /// Whether sentences are wrapped, as they are in a terminal. Files and pipes have each in a
    /// line of its own, which `grep` shows whole.
    pub wraps: bool,
}

impl Default for Style {
    /// The style of files and pipes: 100 columns without colours.
    fn default() -> Self {
        Self { width: 100, colour: false, wraps: false }
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

    /// The text in this tone, where the style has colours.
    pub(in crate::report) fn paint(self, text: &str, style: Style) -> String {
        match self.code().filter(|_| style.colour && !text.is_empty()) {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }
}

/// A column of a table.
#[derive(Clone)]
pub(in crate::report) struct Column {
    title: &'static str,
    /// Aligned to the right, as numbers are.
    right: bool,
    /// The width that it keeps when the table must shrink; `None` if it does not shrink.
    least: Option<usize>,
    /// Its turn to shrink, and to be left out if that is not enough; `None` for those that shrink
    /// last and are never left out.
    turn: Option<u8>,
    /// Cut within, so that the cells stay different.
    is_cut_within: bool,
}

impl Column {
    /// A text that may shrink to `least` columns.
    pub(in crate::report) const fn text(title: &'static str, least: usize) -> Self {
        Self { title, right: false, least: Some(least), turn: None, is_cut_within: false }
    }

    /// A text that does not shrink.
    pub(in crate::report) const fn fixed(title: &'static str) -> Self {
        Self { title, right: false, least: None, turn: None, is_cut_within: false }
    }

    /// A number, which does not shrink.
    pub(in crate::report) const fn number(title: &'static str) -> Self {
        Self { title, right: true, least: None, turn: None, is_cut_within: false }
    }

    /// The column, whose cells are cut where they are most alike: of an address of IPv6 the beginning
    /// and the end, with the port, tell more than the beginning alone.
    pub(in crate::report) const fn cut_within(mut self) -> Self {
        self.is_cut_within = true;
        self
    }

    /// The column, which gives way before others: those of the lowest turn shrink first; where the
    /// table is still too wide, they are left out in the same order.
    pub(in crate::report) const fn gives_way(mut self, turn: u8) -> Self {
        self.turn = Some(turn);
        self
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
        columns_of(self.text.as_str())
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
    let heads: Vec<Option<usize>> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let cells = || rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.text.as_str());
            let width = widths.get(i).copied().flatten()?;
            column.is_cut_within.then(|| head_of_cut(&cells().collect::<Vec<_>>(), width))
        })
        .collect();
    let titles: Row = columns.iter().map(|c| Cell::trusted(c.title)).collect();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for (i, ((column, cell), width)) in columns.iter().zip(row).zip(&widths).enumerate() {
            let Some(width) = *width else { continue };
            let text = match heads.get(i).copied().flatten() {
                Some(head) => fit_within(cell.text.as_str(), width, head),
                None => fit(cell.text.as_str(), width),
            };
            let padding = " ".repeat(width - columns_of(&text));
            let text = cell.tone.paint(&text, style);
            if !line.is_empty() {
                line += "  ";
            }
            line += &if column.right { padding + &text } else { text + &padding };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The width of each column; `None` for those that are left out.
fn widths(total: usize, columns: &[Column], rows: &[Row]) -> Vec<Option<usize>> {
    let widest =
        |i: usize| rows.iter().filter_map(|row| row.get(i)).map(Cell::width).max().unwrap_or(0);
    let natural: Vec<usize> =
        columns.iter().enumerate().map(|(i, c)| widest(i).max(c.title.width())).collect();
    let mut left_out: Vec<usize> = Vec::new();
    loop {
        let mut widths: Vec<Option<usize>> = natural.iter().copied().map(Some).collect();
        left_out.iter().for_each(|&i| widths[i] = None);
        let shown = columns.len() - left_out.len();
        let room = total.saturating_sub(2 * shown.saturating_sub(1));
        if shrink(columns, &mut widths, room) {
            return widths;
        }
        let next = (0..columns.len())
            .filter(|i| columns[*i].turn.is_some() && !left_out.contains(i))
            .min_by_key(|&i| columns[i].turn);
        match next {
            Some(next) => left_out.push(next),
            None => return widths,
        }
    }
}

/// Takes columns from those that may shrink, by their turn, the widest first; whether the table
/// fits then.
fn shrink(columns: &[Column], widths: &mut [Option<usize>], room: usize) -> bool {
    let turn = |i: usize| columns[i].turn.unwrap_or(u8::MAX);
    while widths.iter().flatten().sum::<usize>() > room {
        let can_shrink = |&i: &usize| columns[i].least.is_some_and(|least| widths[i] > Some(least));
        let candidates = || (0..columns.len()).filter(can_shrink);
        let Some(first) = candidates().map(turn).min() else { return false };
        let widest = candidates().filter(|&i| turn(i) == first).max_by_key(|&i| widths[i]);
        if let Some(width) = widest.and_then(|i| widths[i].as_mut()) {
            *width -= 1;
        }
    }
    true
}

/// Cuts `text` to `width` columns, with `…` at the end.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    if columns_of(text) <= width {
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

/// Cuts `text` to `width` columns, with `…` behind the first `head` of them. For ASCII; other text is
/// cut at its end.
fn fit_within(text: &str, width: usize, head: usize) -> String {
    let tail = width.saturating_sub(head + 1);
    if text.len() <= width || !text.is_ascii() {
        return fit(text, width);
    }
    format!("{}…{}", &text[..head.min(text.len())], &text[text.len() - tail..])
}

/// The columns before the cut with which most of the texts stay different, as few as will do: a third
/// of the width or more.
fn head_of_cut(texts: &[&str], width: usize) -> usize {
    let different = |head: &usize| {
        let cut: HashSet<String> =
            texts.iter().map(|text| fit_within(text, width, *head)).collect();
        cut.len()
    };
    let least = width / 3;
    let heads = (least..width).map(|head| (different(&head), Reverse(head)));
    heads.max().map_or(least, |(_, Reverse(head))| head)
}

/// Whether a table fits without a cut.
pub(in crate::report) fn fits(style: Style, columns: &[Column], rows: &[Row]) -> bool {
    let wide = columns.iter().enumerate().map(|(i, column)| {
        let cells = rows.iter().filter_map(|row| row.get(i)).map(Cell::width);
        cells.max().unwrap_or(0).max(column.title.width())
    });
    wide.sum::<usize>() + 2 * columns.len().saturating_sub(1) <= style.width
}

/// The columns that a text takes, which has no control characters.
pub(in crate::report) fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Breaks `text` between words into lines of at most `width` columns; a word that is longer has a
/// line of its own.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let wide = columns_of(word);
        match lines.last_mut() {
            Some(line) if used + 1 + wide <= width => {
                line.push(' ');
                line.push_str(word);
                used += 1 + wide;
            }
            _ => {
                lines.push(word.to_owned());
                used = wide;
            }
        }
    }
    lines
}

/// Writes a sentence behind `head`. Where the style wraps, the lines that continue it begin `hanging`
/// columns to the right of its first word.
pub(in crate::report) fn write_wrapped(
    out: &mut dyn Write,
    style: Style,
    head: &str,
    text: &str,
    hanging: usize,
) -> io::Result<()> {
    if !style.wraps {
        return writeln!(out, "{head}{text}");
    }
    let indent = head.width() + hanging;
    let blanks = " ".repeat(indent);
    let heads = std::iter::once(head).chain(std::iter::repeat(&*blanks));
    let mut lines = heads.zip(wrap(text, style.width.saturating_sub(indent)));
    lines.try_for_each(|(head, line)| writeln!(out, "{head}{line}"))
}

/// The same behind a word in a tone.
pub(in crate::report) fn write_toned(
    out: &mut dyn Write,
    style: Style,
    (word, tone): (&str, Tone),
    text: &str,
    hanging: usize,
) -> io::Result<()> {
    write!(out, "{}", tone.paint(word, style))?;
    // The word is no part of what is wrapped, because its colour has no width.
    write_wrapped(out, style, "", text, word.width() + hanging)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_a_tone_takes_its_columns_and_its_colour_takes_none() {
        let written = |style: Style| {
            let mut out = Vec::new();
            write_toned(&mut out, style, ("word  ", Tone::Bad), "one two three four", 2).unwrap();
            String::from_utf8(out).unwrap()
        };
        let narrow = Style { width: 16, colour: true, wraps: true };
        let lines = "\x1b[1;31mword  \x1b[0mone two\n        three\n        four\n";
        assert_eq!(written(narrow), lines);
        assert_eq!(written(Style::default()), "word  one two three four\n");
    }

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
        write(&mut out, Style { width: 40, ..Style::default() }, &columns, &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        assert!(
            text.contains("short") && text.contains("a name that") && text.contains('…'),
            "{text}"
        );
        assert!(text.lines().nth(1).unwrap().ends_with("   12"));
    }

    #[test]
    fn addresses_that_are_cut_stay_different() {
        let columns = [Column::text("SERVER", 21).cut_within(), Column::text("SPEAKING", 16)];
        let row = |address: &str| {
            vec![Cell::trusted(address.to_owned()), Cell::trusted("http: Express and more")]
        };
        for addresses in [
            [
                "[2001:db8:85a3:1:2:8a2e:370:7334]:443/tcp",
                "[2001:db8:85a3:1:2:8a2e:370:7335]:443/tcp",
            ],
            [
                "[2001:db8:85a3:1:2:8a2e:370:7334]:443/tcp",
                "[2001:db8:85a3:1:2:8a2e:370:7334]:444/tcp",
            ],
            [
                "[2001:db8:85a3:1:2:8a2e:370:7334]:443/tcp",
                "[2001:db8:85a4:1:2:8a2e:370:7334]:443/tcp",
            ],
        ] {
            let rows = addresses.map(row);
            let mut out = Vec::new();
            write(&mut out, Style { width: 40, ..Style::default() }, &columns, &rows).unwrap();
            let text = String::from_utf8(out).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert_ne!(lines[1], lines[2], "{text}");
            assert!(lines.iter().all(|line| line.width() <= 40), "{text}");
            assert!(lines[1].contains('…') && lines[1].starts_with("[2001"), "{text}");
        }
    }

    #[test]
    fn columns_give_way_by_turn_and_are_left_out_before_the_last_one_is_cut() {
        let columns = [
            Column::fixed("PORT"),
            Column::text("NAME", 6).gives_way(1),
            Column::number("N").gives_way(2),
            Column::text("SPEAKING", 16),
        ];
        let rows = [["3001/tcp", "a long name", "12", "http: Express of some sort"]
            .map(Cell::trusted)
            .to_vec()];
        let written = |width| {
            let mut out = Vec::new();
            write(&mut out, Style { width, ..Style::default() }, &columns, &rows).unwrap();
            String::from_utf8(out).unwrap().lines().nth(1).unwrap().to_owned()
        };
        assert_eq!(written(60), "3001/tcp  a long name  12  http: Express of some sort");
        assert_eq!(written(48), "3001/tcp  a lon…  12  http: Express of some sort");
        assert_eq!(written(47), "3001/tcp  a lon…  12  http: Express of some so…");
        assert_eq!(written(38), "3001/tcp  a lon…  12  http: Express o…");
        assert_eq!(written(37), "3001/tcp  12  http: Express of some …");
        assert_eq!(written(28), "3001/tcp  http: Express of …");
        assert_eq!(written(10), "3001/tcp  http: Express o…", "nothing is left to give");
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
