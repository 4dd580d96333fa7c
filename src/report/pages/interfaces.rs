//! The page of `portlore interfaces`: the capture devices of this machine.

use std::io::{self, Write};

use crate::report::Style;
use crate::report::parts::layout::{self, Cell, Column, Row};
use crate::source::devices::Interface;

const COLUMNS: [Column; 4] = [
    Column::fixed("INTERFACE"),
    Column::text("STATE", 10),
    Column::text("ADDRESSES", 18),
    Column::text("DESCRIPTION", 12),
];

/// Writes a row for each interface.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, interfaces: &[Interface], style: Style) -> io::Result<()> {
    let rows: Vec<Row> = interfaces.iter().map(row).collect();
    layout::write(out, style, &COLUMNS, &rows)
}

fn row(interface: &Interface) -> Row {
    let addresses = interface.addresses.iter().map(|(address, prefix)| match prefix {
        Some(prefix) => format!("{address}/{prefix}"),
        None => address.to_string(),
    });
    vec![
        Cell::escape(&interface.name),
        Cell::trusted(interface.state.join(" ")),
        Cell::trusted(addresses.collect::<Vec<_>>().join(" ")),
        Cell::escape(interface.description.as_deref().unwrap_or("")),
    ]
}
