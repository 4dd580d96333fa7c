//! The frames of each interface and of each link type, and what became of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::escape::escape;
use super::layout::{self, Cell, Column, Row, Style};
use super::units::count;
use crate::report::Report;
use crate::source::LinkType;

/// The frames of one interface, or of one link type. The fields are those of the JSON document.
#[derive(Serialize)]
pub(in crate::report) struct InterfaceFrames {
    /// `None` for a link type.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    link_type: u16,
    frames: u64,
    segments: u64,
    skipped: BTreeMap<&'static str, u64>,
}

/// The counts of each interface, in the order of their first frames.
pub(in crate::report) fn interfaces(report: &Report<'_>) -> Vec<InterfaceFrames> {
    let counts = report.run.counters.interfaces().zip(&report.run.interfaces);
    let named = |(counts, name): (crate::pipeline::InterfaceCounters, &String)| InterfaceFrames {
        interface: Some(name.clone()),
        link_type: counts.link.0,
        frames: counts.frames,
        segments: counts.segments,
        skipped: counts.skipped.into_iter().map(|(reason, n)| (reason.as_str(), n)).collect(),
    };
    counts.map(named).collect()
}

/// The counts of each link type, by its number.
pub(in crate::report) fn link_types(interfaces: &[InterfaceFrames]) -> Vec<InterfaceFrames> {
    let mut links: BTreeMap<u16, InterfaceFrames> = BTreeMap::new();
    for one in interfaces {
        let none = InterfaceFrames {
            interface: None,
            link_type: one.link_type,
            frames: 0,
            segments: 0,
            skipped: BTreeMap::new(),
        };
        let sum = links.entry(one.link_type).or_insert(none);
        sum.frames += one.frames;
        sum.segments += one.segments;
        one.skipped.iter().for_each(|(reason, n)| *sum.skipped.entry(reason).or_default() += n);
    }
    links.into_values().collect()
}

const COLUMNS: [Column; 4] = [
    Column::text("INTERFACE", 24),
    Column::number("PACKETS"),
    Column::number("ANALYSED"),
    Column::text("NOT ANALYSED", 24),
];

/// Writes the table of interfaces, then link types.
///
/// # Errors
/// If `out` cannot be written.
pub(in crate::report) fn write(
    out: &mut dyn Write,
    report: &Report<'_>,
    style: Style,
) -> io::Result<()> {
    let interfaces = interfaces(report);
    let links = link_types(&interfaces);
    let rows: Vec<Row> = interfaces.iter().chain(&links).map(row).collect();
    layout::write(out, style, &COLUMNS, &rows)
}

fn row(counts: &InterfaceFrames) -> Row {
    let link = LinkType(counts.link_type);
    let name = match &counts.interface {
        Some(name) => format!("{} ({link})", escape(name)),
        None if link == LinkType::NO_PACKET => "records without packets".into(),
        None => format!("all interfaces of {link}"),
    };
    let skipped: Vec<_> =
        counts.skipped.iter().map(|(reason, n)| format!("{reason} {}", count(*n))).collect();
    [name, count(counts.frames), count(counts.segments), skipped.join(", ")]
        .map(Cell::trusted)
        .to_vec()
}
