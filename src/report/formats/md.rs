//! Tables of the report as Markdown (<https://github.github.com/gfm/#tables-extension->), for
//! tickets and chats.

use std::io::{self, Write};

use super::{FlowOutput, ReportFormat};
use crate::report::parts::inputs::input_names;
use crate::report::parts::markdown::literal;
use crate::report::parts::report_table::{ReportTable, TableCell, TableName};
use crate::report::parts::selection;
use crate::report::{Report, Style, escape};

/// Findings and ports, or one table.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "md",
    write,
    flows: FlowOutput::Never,
    intervals: None,
    full_screen: false,
};

/// Writes the table that the user chose: findings and ports, unless one is named. Columns in which
/// no row has anything are left out.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>, _style: Style) -> io::Result<()> {
    let asked: &[TableName] = match report.show.table {
        Some(TableName::Ports) => &[TableName::Ports],
        Some(TableName::Servers) => &[TableName::Servers],
        Some(TableName::Services) => &[TableName::Services],
        Some(TableName::Findings) => &[TableName::Findings],
        None if report.show.findings_only => &[TableName::Findings],
        None => &[TableName::Findings, TableName::Ports],
    };
    writeln!(out, "# {}", literal(&input_names(report.inputs)))?;
    if let Some(selection) = selection::sentence(report.run) {
        writeln!(out, "\n{}", literal(&selection))?;
    }
    for line in report.run.problems.iter().chain(&report.run.notices) {
        writeln!(out, "\n{}", literal(&escape(line)))?;
    }
    for &name in asked {
        writeln!(out, "\n## {}\n", title(name))?;
        write_table(out, &ReportTable::new(report, name), report.show.top)?;
    }
    Ok(())
}

const fn title(name: TableName) -> &'static str {
    match name {
        TableName::Ports => "Ports",
        TableName::Servers => "Servers",
        TableName::Services => "Services",
        TableName::Findings => "What does not belong",
    }
}

/// Writes at most `top` rows; 0 for all.
fn write_table(out: &mut dyn Write, table: &ReportTable, top: usize) -> io::Result<()> {
    let shown = if top == 0 { table.rows.len() } else { top.min(table.rows.len()) };
    let (rows, hidden) = table.rows.split_at(shown);
    let has_cells = |&i: &usize| rows.iter().any(|row| row[i] != TableCell::Missing);
    let columns: Vec<usize> = (0..table.columns.len()).filter(has_cells).collect();
    if columns.is_empty() {
        return writeln!(out, "Nothing.");
    }
    let is_number = |&i: &usize| rows.iter().all(|row| !matches!(row[i], TableCell::Text(_)));
    let head: Vec<_> = columns.iter().map(|&i| table.columns[i].replace('_', " ")).collect();
    let rules: Vec<_> = columns.iter().map(|i| if is_number(i) { "--:" } else { "---" }).collect();
    writeln!(out, "| {} |\n| {} |", head.join(" | "), rules.join(" | "))?;
    for row in rows {
        let cells = columns.iter().map(|&i| match &row[i] {
            TableCell::Missing => String::new(),
            TableCell::Text(text) => literal(&escape(text)).replace(';', "; "),
            TableCell::Number(number) => number.to_string(),
        });
        writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
    }
    if !hidden.is_empty() {
        writeln!(out, "\nand {} more; `--top 0` shows all", hidden.len())?;
    }
    Ok(())
}
