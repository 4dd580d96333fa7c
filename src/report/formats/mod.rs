//! The formats of the report: one file each, and the table of them.
//!
//! A format is a [`ReportFormat`]: its name, the function that writes a finished report, and the
//! answers to what the program asks of a format before and during a capture. To add one:
//!
//! 1. a file here with a constant `FORMAT` (and its `mod` line below),
//! 2. its line in [`FORMATS`],
//! 3. its word in `cli::Format`, at the same position,
//! 4. its golden text in `tests/formats/`, which `make bless` writes.
//!
//! Untrusted text must not reach the output as it came: see [`escape`](super::parts::escape). A
//! test below writes hostile text in every format of the table.
//!
//! [`openmetrics`] has no line in the table: it is served while a capture runs and never written as
//! a report. `Metrics` takes the same views as an [`IntervalWriter`], and keeps state like one.

pub mod csv;
pub mod json;
pub mod md;
pub mod ndjson;
pub mod openmetrics;
pub mod table;

use std::io::{self, Write};
use std::time::Duration;

use super::{Report, Show, Style, Zone};
use crate::pipeline::{JudgedFlow, Snapshot};
use crate::{Error, ErrorKind, Result};

/// The formats of the report, in the order of `--help`.
pub const FORMATS: &[ReportFormat] =
    &[table::FORMAT, json::FORMAT, ndjson::FORMAT, csv::FORMAT, md::FORMAT];

/// A format of the report.
#[derive(Debug, Clone, Copy)]
pub struct ReportFormat {
    /// The value of `--format`.
    pub name: &'static str,
    /// Writes the report of a finished capture. [`Style`] matters to formats for people only.
    pub write: fn(&mut dyn Write, &Report<'_>, Style) -> io::Result<()>,
    /// What the format does with single flows.
    pub flows: FlowOutput,
    /// What the format writes while a capture runs; `None` if nothing.
    pub intervals: Option<IntervalOutput>,
    /// Whether the full-screen view may stand in for the report while a capture runs on a terminal.
    pub full_screen: bool,
}

/// What a format does with single flows.
#[derive(Debug, Clone, Copy)]
pub enum FlowOutput {
    /// Has no place for them.
    Never,
    /// Lists them at the end when the user asks for them.
    OnRequest,
    /// Always lists them at the end.
    AtEnd,
    /// Writes each one when it ends.
    Streamed(fn(&mut dyn Write, &JudgedFlow) -> io::Result<()>),
}

/// What a format writes at intervals while a capture runs.
#[derive(Debug, Clone, Copy)]
pub struct IntervalOutput {
    /// Makes the writer of one capture; times for people are in the zone.
    pub writer: fn(Zone) -> Box<dyn IntervalWriter>,
    /// The interval without `--interval`; `None` if nothing is written then.
    pub default: Option<Duration>,
}

/// Writes the changes of a running capture since the last interval.
pub trait IntervalWriter: Send {
    /// Writes the interval that ends with `view`.
    ///
    /// # Errors
    /// If `out` cannot be written.
    fn write(&mut self, out: &mut dyn Write, view: &Snapshot) -> io::Result<()>;
}

impl ReportFormat {
    /// Whether the capture has to keep its flows until the end.
    #[must_use]
    pub const fn keeps_flows(&self, show: Show) -> bool {
        match self.flows {
            FlowOutput::OnRequest => show.lists_flows(),
            FlowOutput::AtEnd => true,
            FlowOutput::Never | FlowOutput::Streamed(_) => false,
        }
    }

    /// What the format writes while a capture runs, for a user who asks for it.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Usage`] if the format is one document at the end.
    pub fn require_intervals(&self) -> Result<IntervalOutput> {
        self.intervals.ok_or_else(|| {
            let reason =
                format!("{} is a single document, written at the end", self.name.to_uppercase());
            Error::new(ErrorKind::Usage, reason)
                .with_object("--interval")
                .with_remedy("choose --format ndjson for events, or table for lines")
        })
    }
}

#[cfg(test)]
mod tests;
