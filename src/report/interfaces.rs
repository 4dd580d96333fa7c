//! The machine's capture devices for people.

use std::io::{self, Write};

use super::layout::{self, Column, Row, Tone};
use super::{Style, escape};
use crate::source::devices::Interface;

const COLUMNS: [Column; 4] = [
    Column::fixed("INTERFACE"),
    Column::text("STATE", 10),
    Column::text("ADDRESSES", 18),
    Column::text("DESCRIPTION", 12),
];

/// Writes a row for each.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(out: &mut dyn Write, style: Style, interfaces: &[Interface]) -> io::Result<()> {
    let rows: Vec<Row> = interfaces.iter().map(row).collect();
    layout::write(out, style, &COLUMNS, &rows)
}

fn row(interface: &Interface) -> Row {
    let addresses = interface.addresses.iter().map(|(address, prefix)| match prefix {
        Some(prefix) => format!("{address}/{prefix}"),
        None => address.to_string(),
    });
    [
        escape(&interface.name),
        interface.state.join(" "),
        addresses.collect::<Vec<_>>().join(" "),
        escape(interface.description.as_deref().unwrap_or("")),
    ]
    .map(|text| (text, Tone::Plain))
    .to_vec()
}
