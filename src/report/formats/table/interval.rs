//! A line for each interval of a running capture, for people who do not watch it all the time.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::decode::ServicePort;
use crate::findings;
use crate::pipeline::Snapshot;
use crate::report::Zone;
use crate::report::formats::IntervalWriter;
use crate::report::parts::units::{bytes, count, drops, duration, plural};
use crate::report::parts::{labels, selection};

/// Ports that a line names: those with most bytes in the interval.
const PORTS: usize = 3;

/// The counts at the end of the last interval, which the next line subtracts.
#[derive(Debug, Default)]
pub(super) struct IntervalLines {
    /// The time zone of the lines.
    zone: Zone,
    elapsed_ns: u64,
    frames: u64,
    bytes: u64,
    lost: [u64; 3],
    ports: HashMap<ServicePort, u64>,
}

impl IntervalWriter for IntervalLines {
    /// Writes when the interval ended and how long it was, what was read and lost, and the ports
    /// with most bytes.
    fn write(&mut self, out: &mut dyn Write, view: &Snapshot) -> io::Result<()> {
        let (run, counters) = (&view.run, &view.run.counters);
        let elapsed_ns = u64::try_from(view.elapsed.as_nanos()).unwrap_or(u64::MAX);
        let span = elapsed_ns.saturating_sub(self.elapsed_ns);
        let frames = counters.frames.saturating_sub(self.frames);
        let rate = (frames as f64 * 1e9 / span.max(1) as f64).round() as u64;
        let clock = counters
            .seen
            .map_or_else(|| "no packets yet".to_owned(), |(_, last)| self.zone.second(last));
        write!(
            out,
            "{clock}  {}  {}, {}/s, {}  {} live",
            duration(span),
            plural(frames, "packet"),
            count(rate),
            bytes(counters.bytes.saturating_sub(self.bytes)),
            plural(view.live_flows, "flow"),
        )?;
        if let Some(selection) = selection::sentence(run) {
            write!(out, "  {selection}")?;
        }
        let lost = [run.drops.kernel, run.drops.interface, counters.queue];
        let lost_since = [0, 1, 2].map(|at| lost[at].saturating_sub(self.lost[at]));
        match lost_since.iter().sum::<u64>() {
            0 => write!(out, "  no packets dropped")?,
            _ => write!(out, "  DROPPED {}", drops(lost_since))?,
        }
        self.name_ports(out, view)?;
        name_findings(out, view)?;
        writeln!(out)?;
        *self = Self {
            zone: self.zone,
            elapsed_ns,
            frames: counters.frames,
            bytes: counters.bytes,
            lost,
            ports: run
                .stats
                .ports
                .iter()
                .map(|(&port, stats)| (port, stats.all.bytes.sum()))
                .collect(),
        };
        Ok(())
    }
}

/// Writes how many findings there are so far, and the ports of the first alerts and warnings.
fn name_findings(out: &mut dyn Write, view: &Snapshot) -> io::Result<()> {
    let found = findings::find(&view.run.stats, &view.run.catalogue);
    if found.is_empty() {
        return Ok(());
    }
    let grave = found.iter().filter(|finding| finding.severity.is_grave());
    let mut named: Vec<String> = Vec::new();
    for finding in grave {
        let name = format!("{} {}", finding.severity.as_str(), finding.port);
        if named.len() < PORTS && !named.contains(&name) {
            named.push(name);
        }
    }
    let colon = if named.is_empty() { "" } else { ": " };
    write!(out, "  {}{colon}{}", plural(found.len() as u64, "finding"), named.join(", "))
}

impl IntervalLines {
    /// The lines of a capture that begins, with times in this zone.
    pub(super) fn new(zone: Zone) -> Self {
        Self { zone, ..Self::default() }
    }

    fn name_ports(&self, out: &mut dyn Write, view: &Snapshot) -> io::Result<()> {
        let since = |port: &ServicePort, now: u64| {
            now.saturating_sub(self.ports.get(port).copied().unwrap_or(0))
        };
        let grown = view
            .run
            .stats
            .ports
            .iter()
            .map(|(port, stats)| (since(port, stats.all.bytes.sum()), port, stats));
        let mut busy: Vec<_> = grown.filter(|(bytes, ..)| *bytes > 0).collect();
        busy.sort_by_key(|&(bytes, port, _)| (std::cmp::Reverse(bytes), *port));
        for (grown, port, stats) in busy.into_iter().take(PORTS) {
            let speaker = labels::speakers(stats)
                .first()
                .map(|(key, speaking)| labels::speaker(&view.run.catalogue, key, speaking).text);
            write!(out, "  {port} {} {}", speaker.unwrap_or_default(), bytes(grown))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Replay;

    #[test]
    fn a_line_ends_with_the_findings_so_far() {
        let line = |capture: &str| {
            let path = format!("fixtures/{capture}.pcap");
            let run = Replay::open([path]).unwrap().run().unwrap();
            let view = Snapshot::of_run(run, Duration::from_secs(1));
            let mut out = Vec::new();
            IntervalLines::default().write(&mut out, &view).unwrap();
            String::from_utf8(out).unwrap()
        };
        let found = "  6 findings: alert 22/tcp, alert 443/tcp, alert 3037/tcp\n";
        assert!(line("cases/finding-analyst").ends_with(found));
        assert!(line("cases/finding-quiet-refusals").ends_with("  4 findings\n"));
        assert!(!line("cases/finding-quiet-names").contains("finding"));
    }
}
