//! The output formats: everything that depends on `--format`.

use std::io::{self, Write};
use std::time::Duration;

use portlore::report::{self, Report, Style, interval, json, ndjson, text};
use portlore::{Error, ErrorKind, Result};

use super::observers::{EventPlan, WriteInterval};
use crate::cli::{CommonArgs, Format};

/// Default time between two interval events of NDJSON.
const EVENTS_EVERY: Duration = Duration::from_secs(10);

impl Format {
    /// Checks that the format has a line for each interval.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where it is one document.
    pub fn check_interval(self, interval: Option<Duration>) -> Result<()> {
        if interval.is_none() || self != Self::Json {
            return Ok(());
        }
        let reason = "JSON is one document at the end";
        Err(Error::new(ErrorKind::Usage, reason)
            .with_object("--interval")
            .with_remedy("choose --format ndjson for events, or table for lines"))
    }

    /// Whether a full-screen view may stand in for the report while the capture runs.
    pub fn allows_screen(self) -> bool {
        self == Self::Table
    }

    /// The events that are written while a capture runs; `interval` is what the user chose.
    pub fn events(self, interval: Option<Duration>) -> EventPlan {
        match self {
            Self::Json => EventPlan::default(),
            Self::Table => {
                let mut lines = interval::Intervals::default();
                let write: WriteInterval =
                    Box::new(move |out, snapshot| lines.write(out, snapshot));
                EventPlan { intervals: interval.map(|every| (every, write)), flows: None }
            }
            Self::Ndjson => {
                let mut events = ndjson::Intervals::default();
                let write: WriteInterval =
                    Box::new(move |out, snapshot| events.write(out, snapshot));
                let every = interval.unwrap_or(EVENTS_EVERY);
                EventPlan { intervals: Some((every, write)), flows: Some(ndjson::flow) }
            }
        }
    }

    /// Whether the report lists every flow. `is_streaming`: flows are written while the capture
    /// runs, each when it ends. Otherwise NDJSON lists them at the end, ordered by their frames.
    pub fn keeps_flows(self, args: &CommonArgs, is_streaming: bool) -> bool {
        match self {
            Self::Ndjson => !is_streaming,
            Self::Table | Self::Json => args.flows || args.why,
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// Where writing fails.
    pub fn write(
        self,
        out: &mut dyn Write,
        report: &Report<'_, '_>,
        style: Style,
        args: &CommonArgs,
    ) -> io::Result<()> {
        match self {
            Self::Json => json::write(out, report, args.flows || args.why),
            Self::Ndjson => {
                report.run.flows.iter().try_for_each(|flow| ndjson::flow(out, flow))?;
                ndjson::end(out, report)
            }
            Self::Table => {
                let parts = text::Parts {
                    flows: args.flows,
                    why: args.why,
                    origins: args.verbose,
                    top: args.top,
                };
                report::text::write(out, report, style, parts)
            }
        }
    }
}
