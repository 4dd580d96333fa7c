//! Flows as rows, in the formats that other programs read: one file each, and the table of them.
//!
//! A [`FlowSink`] takes flows that have ended, one by one and in order, and keeps none. To add a
//! format: a file here, and its line in [`FLOW_FORMATS`].

mod csv;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;

pub(super) use self::csv::quoted;

use std::io;
use std::path::Path;

use crate::pipeline::JudgedFlow;

/// The formats of flows, by the ending of their files.
pub const FLOW_FORMATS: &[FlowFormat] = &[
    csv::FORMAT,
    ndjson::FORMAT,
    #[cfg(feature = "parquet")]
    parquet::FORMAT,
];

/// A format of flows.
#[derive(Debug, Clone, Copy)]
pub struct FlowFormat {
    /// The ending of file names, without the dot.
    pub ending: &'static str,
    /// Whether flows need reasons, and all that detectors stated.
    pub has_reasons: bool,
    /// Whether it shows the facts of [columns](crate::columns::COLUMNS).
    pub has_columns: bool,
    /// Whether a part of a file can be read.
    pub is_line_by_line: bool,
    /// Starts an output of this format.
    ///
    /// # Errors
    /// If the beginning cannot be encoded.
    pub start: fn(&mut Vec<u8>) -> io::Result<Box<dyn FlowSink>>,
}

/// Writes flows as rows of one format.
pub trait FlowSink: Send {
    /// Appends to `out` what is to be written for a flow: nothing, its row, or the rows of many
    /// flows that were held back.
    ///
    /// # Errors
    /// If the flow cannot be encoded.
    fn flow(&mut self, flow: &JudgedFlow, out: &mut Vec<u8>) -> io::Result<()>;

    /// Appends to `out` what is left to be written.
    ///
    /// # Errors
    /// If it cannot be encoded.
    fn end(self: Box<Self>, out: &mut Vec<u8>) -> io::Result<()>;
}

/// The format by the ending of a file's name.
#[must_use]
pub fn flow_format(path: &Path) -> Option<&'static FlowFormat> {
    let ending = path.extension()?.to_str()?;
    FLOW_FORMATS.iter().find(|format| format.ending == ending)
}

#[cfg(test)]
mod tests;
