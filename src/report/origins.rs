//! Where frames came from and what became of them there: per interface and per link type.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::layout::{self, Column, Row, Tone};
use super::units::count;
use super::{Report, Style, escape};
use crate::source::LinkType;

/// What came of the frames of one interface, or of one link type.
#[derive(Serialize)]
pub(super) struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    link_type: u16,
    frames: u64,
    segments: u64,
    skipped: BTreeMap<&'static str, u64>,
}

/// The interfaces in the order in which they had their first frames.
pub(super) fn interfaces(report: &Report<'_, '_>) -> Vec<Origin> {
    let counts = report.run.counters.interfaces().zip(&report.run.interfaces);
    let origin = |(counts, name): (crate::pipeline::InterfaceCounters, &String)| Origin {
        interface: Some(name.clone()),
        link_type: counts.link.0,
        frames: counts.frames,
        segments: counts.segments,
        skipped: counts.skipped.into_iter().map(|(reason, n)| (reason.as_str(), n)).collect(),
    };
    counts.map(origin).collect()
}

/// The link types by number.
pub(super) fn link_types(interfaces: &[Origin]) -> Vec<Origin> {
    let mut links: BTreeMap<u16, Origin> = BTreeMap::new();
    for one in interfaces {
        let none = Origin {
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
    Column::number("FRAMES"),
    Column::number("SEGMENTS"),
    Column::text("SKIPPED", 24),
];

/// Writes both as a table.
pub(super) fn write(out: &mut dyn Write, report: &Report<'_, '_>, style: Style) -> io::Result<()> {
    let interfaces = interfaces(report);
    let links = link_types(&interfaces);
    let rows: Vec<Row> = interfaces.iter().chain(&links).map(row).collect();
    layout::write(out, style, &COLUMNS, &rows)
}

fn row(origin: &Origin) -> Row {
    let link = LinkType(origin.link_type);
    let name = origin
        .interface
        .as_ref()
        .map_or_else(|| format!("all of {link}"), |name| format!("{} ({link})", escape(name)));
    let skipped: Vec<_> =
        origin.skipped.iter().map(|(reason, n)| format!("{reason} {}", count(*n))).collect();
    [name, count(origin.frames), count(origin.segments), skipped.join(", ")]
        .map(|text| (text, Tone::Plain))
        .to_vec()
}
