//! Flows as CSV (RFC 4180) with a header, in UTF-8 and with LF at the end of lines.
//!
//! Every text is quoted; numbers, times and missing values are not, which keeps an empty text and a
//! missing one apart. Text of the wire is escaped as in reports. One that a spreadsheet would take for
//! a formula gets a `'` in front (<https://owasp.org/www-community/attacks/CSV_Injection>), and so
//! does one that begins with `'`, so that readers can take it away again.

use std::io::{self, Write};

use super::{FlowFormat, FlowSink};
use crate::columns::{COLUMNS, Value};
use crate::pipeline::JudgedFlow;
use crate::report::escape;

/// A line per flow, below the names of the columns.
pub(super) const FORMAT: FlowFormat = FlowFormat {
    ending: "csv",
    has_reasons: false,
    has_columns: true,
    is_line_by_line: true,
    start: |out| {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Box::new(CsvRows))
    },
};

struct CsvRows;

impl FlowSink for CsvRows {
    fn flow(&mut self, flow: &JudgedFlow, out: &mut Vec<u8>) -> io::Result<()> {
        for (i, column) in COLUMNS.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            match column.value(flow.view()) {
                Value::Missing => {}
                Value::Text(text) => write!(out, "\"{}\"", quoted(&text))?,
                Value::Address(address) => write!(out, "\"{address}\"")?,
                Value::Integer(number) => write!(out, "{number}")?,
                Value::Timestamp(time) => write!(out, "{}", time.in_microseconds())?,
            }
        }
        out.push(b'\n');
        Ok(())
    }

    fn end(self: Box<Self>, _out: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}

/// Text between quotation marks.
pub(in crate::report) fn quoted(text: &str) -> String {
    let text = escape(text).replace('"', "\"\"");
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\'']) || text.starts_with(['\t', '\r']);
    if is_formula { format!("'{text}") } else { text }
}
