//! Flows as events of NDJSON: the same lines as those of `--format ndjson`.

use std::io;

use super::{FlowFormat, FlowSink};
use crate::pipeline::JudgedFlow;
use crate::report::formats::ndjson::write_flow;

/// A JSON object per line.
pub(super) const FORMAT: FlowFormat = FlowFormat {
    ending: "ndjson",
    has_reasons: true,
    has_columns: false,
    is_line_by_line: true,
    start: |_| Ok(Box::new(NdjsonRows)),
};

struct NdjsonRows;

impl FlowSink for NdjsonRows {
    fn flow(&mut self, flow: &JudgedFlow, out: &mut Vec<u8>) -> io::Result<()> {
        write_flow(out, flow)
    }

    fn end(self: Box<Self>, _out: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}
