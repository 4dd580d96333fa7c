//! The format for people: what was read, then for each port what the registry names, what people
//! customarily run there and what spoke; figures, servers and flows where they are asked for.

pub(in crate::report) mod figures;
mod findings;
mod interval;
mod nothing;
pub(in crate::report) mod ports;
mod servers;
pub(in crate::report) mod summary;

use std::collections::HashSet;
use std::io::{self, Write};

use super::{FlowOutput, IntervalOutput, ReportFormat};
use crate::decode::ServicePort;
use crate::findings::Finding;
use crate::report::parts::sorting::SortColumn;
use crate::report::parts::units::plural;
use crate::report::parts::{flow_line, interfaces, processes, why};
use crate::report::{Report, Style};
use crate::stats::PortStats;

/// Tables at the end; while the capture runs, the full-screen view, or a line for each interval.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "table",
    write,
    flows: FlowOutput::OnRequest,
    intervals: Some(IntervalOutput {
        writer: |zone| Box::new(interval::IntervalLines::new(zone)),
        default: None,
    }),
    full_screen: true,
};

type PortRow<'r> = (ServicePort, &'r PortStats);

/// Writes the report.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let show = report.show;
    let findings = report.findings();
    summary::write(out, report, findings.len(), style)?;
    if !findings.is_empty() {
        writeln!(out)?;
        findings::write(out, report, findings, style)?;
    }
    if show.findings_only {
        return Ok(());
    }
    if show.interfaces {
        writeln!(out)?;
        interfaces::write(out, report, style)?;
    }
    if report.run.stats.ports.is_empty() {
        writeln!(out)?;
        return nothing::write(out, report, style);
    }
    let (shown, hidden) = shown_ports(report, findings);
    writeln!(out)?;
    ports::write(out, report, &shown, style)?;
    if hidden > 0 {
        let which = show.sort.unwrap_or(SortColumn::Bytes).of_the_rest();
        let ports = plural(hidden as u64, "port");
        writeln!(out, "and {ports} {which}; --top 0 shows all")?;
    }
    if show.servers {
        writeln!(out)?;
        servers::write(out, report, style)?;
    }
    if show.stats {
        writeln!(out)?;
        figures::write(out, report, &shown, style)?;
        processes::write(out, style, &shown)?;
    }
    if show.lists_flows() {
        writeln!(out)?;
        let mut flows: Vec<_> = report.run.flows.iter().collect();
        if let Some(sort) = show.sort {
            flows.sort_by_key(|flow| sort.of_flow(flow));
        }
        for flow in flows {
            why::write_styled(out, flow, show.why.then_some(show.filter_on), style)?;
        }
        writeln!(out)?;
        flow_line::write_legend(out, &report.run.flows, style)?;
    }
    Ok(())
}

/// The ports with most bytes, or first by `--sort`, as many as `--top` allows, and those with an alert or a warning; then
/// how many others there are.
fn shown_ports<'r>(report: &Report<'r>, findings: &[Finding]) -> (Vec<PortRow<'r>>, usize) {
    let mut ports: Vec<PortRow<'_>> =
        report.run.stats.ports.iter().map(|(&port, stats)| (port, stats)).collect();
    let sort = report.show.sort.unwrap_or(SortColumn::Bytes);
    ports.sort_by_cached_key(|&(port, stats)| (sort.of_all(&stats.all), port));
    let all = ports.len();
    let top = if report.show.top == 0 { all } else { report.show.top };
    let grave = findings.iter().filter(|finding| finding.severity.is_grave());
    let found: HashSet<ServicePort> = grave.map(|finding| finding.port).collect();
    let mut place = 0..;
    ports.retain(|(port, _)| place.next().is_some_and(|place| place < top) || found.contains(port));
    let hidden = all - ports.len();
    (ports, hidden)
}
