//! The page of `portlore doctor`: a row for each check of this machine, and the remedies below.

use std::io::{self, Write};

use crate::report::parts::layout::{self, Cell, Column, Row, Tone};
use crate::report::parts::units::plural;
use crate::report::{Style, escape};

/// The answer to a call that a sandbox has to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAnswer {
    /// The call, with what matters of its arguments.
    pub call: String,
    /// Whether the call was refused.
    pub refused: bool,
    /// The system's answer.
    pub answer: String,
}

const CALL_COLUMNS: [Column; 3] =
    [Column::fixed("CALL"), Column::fixed(""), Column::text("ANSWER", 20)];

/// Writes the answers to calls that were tried in the sandbox, after a sentence about its process.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_answers(
    out: &mut dyn Write,
    process: &str,
    answers: &[CallAnswer],
    style: Style,
) -> io::Result<()> {
    let row = |answer: &CallAnswer| -> Row {
        let (mark, tone) =
            if answer.refused { ("refused", Tone::Good) } else { ("ALLOWED", Tone::Bad) };
        vec![
            Cell::escape(&answer.call),
            Cell::trusted(mark).with_tone(tone),
            Cell::escape(&answer.answer),
        ]
    };
    writeln!(out, "{}\n", escape(process))?;
    layout::write(out, style, &CALL_COLUMNS, &answers.iter().map(row).collect::<Vec<_>>())?;
    let allowed = answers.iter().filter(|answer| !answer.refused).count();
    let allowed = if allowed == 0 { "none".to_owned() } else { allowed.to_string() };
    writeln!(out, "\n{} tried, {allowed} allowed", plural(answers.len() as u64, "call"))
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub subject: &'static str,
    /// Whether all is as it should be.
    pub good: bool,
    /// What was found.
    pub finding: String,
    /// What to do about it, if anything.
    pub remedy: Option<String>,
}

const COLUMNS: [Column; 3] = [Column::fixed("CHECK"), Column::fixed(""), Column::text("FOUND", 40)];

/// Writes the checks, then the remedies, uncut because they are to be copied.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, checks: &[Check], style: Style) -> io::Result<()> {
    let row = |check: &Check| -> Row {
        let (mark, tone) = if check.good { ("ok", Tone::Good) } else { ("no", Tone::Bad) };
        vec![
            Cell::trusted(check.subject),
            Cell::trusted(mark).with_tone(tone),
            Cell::escape(&check.finding),
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
