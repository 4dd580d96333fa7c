//! What this machine allows, for people: a line for each check, and its remedy under it.

use std::io::{self, Write};

use super::layout::{self, Column, Row, Tone};
use super::{Style, escape};

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Of what.
    pub subject: &'static str,
    /// Whether all is as it should be.
    pub good: bool,
    /// What was found.
    pub finding: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

const COLUMNS: [Column; 3] = [Column::fixed("CHECK"), Column::fixed(""), Column::text("FOUND", 40)];

/// Writes the checks, then the remedies, which are not cut: they are to be copied.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(out: &mut dyn Write, style: Style, checks: &[Check]) -> io::Result<()> {
    let row = |check: &Check| -> Row {
        let mark = if check.good { ("ok", Tone::Good) } else { ("no", Tone::Bad) };
        vec![
            (check.subject.to_owned(), Tone::Plain),
            (mark.0.to_owned(), mark.1),
            (escape(&check.finding), Tone::Plain),
        ]
    };
    layout::write(out, style, &COLUMNS, &checks.iter().map(row).collect::<Vec<_>>())?;
    let mut remedies: Vec<&String> = Vec::new();
    for remedy in checks.iter().filter_map(|check| check.remedy.as_ref()) {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    if !remedies.is_empty() {
        writeln!(out)?;
    }
    remedies.iter().try_for_each(|remedy| writeln!(out, "{}", escape(remedy)))
}
