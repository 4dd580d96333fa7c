//! One table of the report as CSV, for spreadsheets: cells are written as those of
//! [flows](crate::report::flows).

use std::io::{self, Write};

use super::{FlowOutput, ReportFormat};
use crate::report::flows::quoted;
use crate::report::parts::report_table::{ReportTable, TableCell, TableName};
use crate::report::{Report, Style};

/// All rows of one table.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "csv",
    write,
    flows: FlowOutput::Never,
    intervals: None,
    full_screen: false,
};

/// Writes the table that the user chose: that of ports, unless another one is named.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>, _style: Style) -> io::Result<()> {
    let asked = if report.show.findings_only { TableName::Findings } else { TableName::Ports };
    let table = ReportTable::new(report, report.show.table.unwrap_or(asked));
    writeln!(out, "{}", table.columns.join(","))?;
    for row in &table.rows {
        for (i, cell) in row.iter().enumerate() {
            if i > 0 {
                write!(out, ",")?;
            }
            match cell {
                TableCell::Missing => {}
                TableCell::Text(text) => write!(out, "\"{}\"", quoted(text))?,
                TableCell::Number(number) => write!(out, "{number}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
