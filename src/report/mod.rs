//! What people and programs read: the report of a capture, and the pages of single commands.
//!
//! Takes a finished [`Run`], or a view of a running one, and writes it. Knows nothing of how the
//! frames were captured.
//!
//! - [`formats`]: the formats of the report, one file each, and [`FORMATS`], the table of them.
//! - `html`: the report as a page for browsers.
//! - [`pages`]: what the commands print that report no capture.
//! - [`parts`]: what formats and pages are put together from. Every untrusted text goes through
//!   [`parts::escape`].

pub mod flows;
pub mod formats;
#[cfg(feature = "html")]
pub mod html;
pub mod pages;
pub mod parts;

pub use formats::{FORMATS, ReportFormat};
pub use parts::escape::escape;
pub use parts::layout::Style;
pub use parts::units::Zone;

use std::cell::OnceCell;
use std::time::Duration;

use self::parts::display_filter::FilterOn;
use self::parts::report_table::TableName;
use self::parts::sorting::SortColumn;
use crate::catalogue::Catalogue;
use crate::findings::{self, Finding};
use crate::pipeline::Run;
use crate::source::TimeWindow;
use crate::stats::ServerKey;

/// A finished capture, and what of it the user wants to see.
pub struct Report<'r> {
    /// The files or the interfaces, as the user named them.
    pub inputs: &'r [String],
    /// The result of the capture.
    pub run: &'r Run,
    /// The filter that selected packets, as the user wrote it, wherever it was applied.
    pub filter: Option<&'r str>,
    /// The part of the capture by time that was read.
    pub window: TimeWindow,
    /// How long reading took; `None` where the report must be the same each time.
    pub read_in: Option<Duration>,
    /// The parts of the report that the user asked for.
    pub show: Show,
    /// Found when first asked for.
    found: OnceCell<Vec<Finding>>,
}

/// The parts of a report that are written only when the user asks for them. A format ignores what
/// it has no place for. The default asks for nothing but the tables, of all ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Show {
    /// List every flow (`--flows`).
    pub flows: bool,
    /// List every flow with the reasons of its verdict (`--why`).
    pub why: bool,
    /// What the display filters among the reasons select.
    pub filter_on: FilterOn,
    /// Add the figures of ports and services (`--stats`).
    pub stats: bool,
    /// List the servers (`--servers`).
    pub servers: bool,
    /// Break the frame counts down by interface and link type (`--verbose`).
    pub interfaces: bool,
    /// List nothing but the findings (`--only findings`).
    pub findings_only: bool,
    /// The one table that is written, in formats for programs and tickets (`--table`).
    pub table: Option<TableName>,
    /// Rows of the tables of ports (`--top`); 0 for all.
    pub top: usize,
    /// What the tables are sorted by (`--sort`); each has its own order without.
    pub sort: Option<SortColumn>,
    /// The time zone of times for people (`--local`).
    pub zone: Zone,
}

impl Show {
    /// Every part: what tests and fuzzing write.
    pub const ALL: Self = Self {
        flows: true,
        why: true,
        filter_on: FilterOn::Frames,
        stats: true,
        servers: true,
        interfaces: true,
        findings_only: false,
        table: None,
        top: 0,
        sort: None,
        zone: Zone::Utc,
    };

    /// Whether the report lists flows, with or without their reasons. The capture then keeps them:
    /// see [`ReportFormat::keeps_flows`].
    #[must_use]
    pub const fn lists_flows(self) -> bool {
        self.flows || self.why
    }
}

impl<'r> Report<'r> {
    /// A report on a capture that is over; `read_in` as in the field.
    #[must_use]
    pub const fn new(
        inputs: &'r [String],
        run: &'r Run,
        read_in: Option<Duration>,
        show: Show,
    ) -> Self {
        let window = TimeWindow { since: None, until: None };
        Self { inputs, run, filter: None, window, read_in, show, found: OnceCell::new() }
    }

    /// The same of a capture whose packets this filter selected, as the user wrote it.
    #[must_use]
    pub fn with_filter(self, filter: Option<&'r str>) -> Self {
        Self { filter, ..self }
    }

    /// The same of a capture of which this part was read.
    #[must_use]
    pub fn with_window(self, window: TimeWindow) -> Self {
        Self { window, ..self }
    }

    /// The catalogue in use when the capture ended.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.run.catalogue
    }

    /// A server and the sensor that saw it, if there are several; escaped.
    #[must_use]
    pub fn server_text(&self, key: ServerKey) -> String {
        self.with_sensor(key.to_string(), key.sensor)
    }

    /// The text of an address or a server, and the sensor that saw it; escaped.
    fn with_sensor(&self, text: String, sensor: u16) -> String {
        match self.run.sensor(sensor) {
            Some(sensor) => format!("{text} ({})", escape(sensor)),
            None => text,
        }
    }

    /// What of the capture deserves a look.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.found.get_or_init(|| findings::find(&self.run.stats, self.catalogue()))
    }

    /// Whether all of the input was read and understood.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.run.problems.is_empty()
    }
}
