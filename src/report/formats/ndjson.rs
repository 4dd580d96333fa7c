//! A capture as events, one JSON object a line: `flow` for each flow that ended, `interval` for
//! what came since the last one, `drops` if frames were lost in it, `end` with the document of
//! `--format json` without its flows. The fields are those of the document.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::json::{
    DropsJson, FlowJson, ReportJson, SelectionJson, SidesJson, SpeakerJson, write_line,
};
use super::{FlowOutput, IntervalOutput, IntervalWriter, ReportFormat};
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::flow::Counts;
use crate::pipeline::{JudgedFlow, Snapshot};
use crate::report::parts::labels;
use crate::report::{Report, Style};
use crate::stats::PortStats;

/// Events while the capture runs, and one at its end.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "ndjson",
    write,
    flows: FlowOutput::Streamed(write_flow),
    intervals: Some(IntervalOutput {
        writer: |_| Box::new(IntervalEvents::default()),
        default: Some(Duration::from_secs(10)),
    }),
    full_screen: false,
};

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Flow(Box<FlowJson<'a>>),
    Interval(IntervalJson<'a>),
    Drops(DropsJson),
    End(Box<ReportJson<'a>>),
}

/// What came since the last interval.
#[derive(Serialize)]
struct IntervalJson<'a> {
    elapsed_ns: u64,
    interval_ns: u64,
    frames: u64,
    segments: u64,
    bytes: u64,
    live_flows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<SelectionJson<'a>>,
    dropped: DropsJson,
    ports: Vec<PortIntervalJson<'a>>,
}

#[derive(Serialize)]
struct PortIntervalJson<'a> {
    port: u16,
    transport: &'static str,
    flows: u64,
    packets: SidesJson,
    bytes: SidesJson,
    /// What spoke there since the capture began, by bytes.
    speaking: Vec<SpeakerJson<'a>>,
    /// The names of the processes behind it.
    processes: Vec<&'a str>,
}

/// Writes the flows that were kept, then the end of the capture.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>, _style: Style) -> io::Result<()> {
    if !report.show.findings_only {
        report.run.flows.iter().try_for_each(|flow| write_flow(out, flow))?;
    }
    // Not folded: the sums of the events before are to come out.
    write_line(out, &Event::End(Box::new(ReportJson::new(report, false, false))))
}

/// Writes a flow that has ended.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_flow(out: &mut dyn Write, flow: &JudgedFlow) -> io::Result<()> {
    write_line(out, &Event::Flow(Box::new(FlowJson::new(flow))))
}

/// The counts at the end of the last interval, which the next event subtracts.
#[derive(Default)]
struct IntervalEvents {
    elapsed_ns: u64,
    counts: [u64; 6],
    /// Flows, packets and bytes of each port.
    ports: HashMap<ServicePort, (u64, Counts, Counts)>,
}

impl IntervalWriter for IntervalEvents {
    /// Writes what came since the last interval, and the drops in an event of their own if there
    /// were some.
    fn write(&mut self, out: &mut dyn Write, view: &Snapshot) -> io::Result<()> {
        let (run, counters) = (&view.run, &view.run.counters);
        let counts = [
            counters.frames,
            counters.segments,
            counters.bytes,
            run.drops.kernel,
            run.drops.interface,
            counters.queue,
        ];
        let mut grown = counts;
        grown
            .iter_mut()
            .zip(self.counts)
            .for_each(|(now, before)| *now = now.saturating_sub(before));
        let [frames, segments, bytes, kernel, interface, queue] = grown;
        let elapsed_ns = u64::try_from(view.elapsed.as_nanos()).unwrap_or(u64::MAX);
        let dropped = || DropsJson { kernel, interface, queue };
        let mut ports: Vec<_> = run.stats.ports.iter().collect();
        ports.sort_by_key(|(key, _)| **key);
        let interval = IntervalJson {
            elapsed_ns,
            interval_ns: elapsed_ns.saturating_sub(self.elapsed_ns),
            frames,
            segments,
            bytes,
            live_flows: view.live_flows,
            selection: run.selected.as_ref().map(SelectionJson::from),
            dropped: dropped(),
            ports: ports
                .iter()
                .filter_map(|(key, stats)| self.port(&run.catalogue, **key, stats))
                .collect(),
        };
        write_line(out, &Event::Interval(interval))?;
        if kernel + interface + queue > 0 {
            write_line(out, &Event::Drops(dropped()))?;
        }
        self.elapsed_ns = elapsed_ns;
        self.counts = counts;
        self.ports = ports
            .into_iter()
            .map(|(&key, s)| (key, (s.all.flows, s.all.packets, s.all.bytes)))
            .collect();
        Ok(())
    }
}

impl IntervalEvents {
    /// What came on a port since the last interval; `None` if nothing did.
    fn port<'a>(
        &self,
        catalogue: &Catalogue,
        port: ServicePort,
        stats: &'a PortStats,
    ) -> Option<PortIntervalJson<'a>> {
        let (flows, packets, bytes) = self.ports.get(&port).copied().unwrap_or_default();
        let since = |now: Counts, before: Counts| Counts {
            initiator: now.initiator.saturating_sub(before.initiator),
            responder: now.responder.saturating_sub(before.responder),
        };
        let packets = since(stats.all.packets, packets);
        let mut processes: Vec<&str> = stats
            .processes
            .responders
            .by_process
            .keys()
            .map(|holder| holder.name.as_str())
            .collect();
        processes.dedup();
        (packets.sum() > 0).then(|| PortIntervalJson {
            port: port.port,
            transport: port.transport.as_str(),
            flows: stats.all.flows.saturating_sub(flows),
            packets: packets.into(),
            bytes: since(stats.all.bytes, bytes).into(),
            speaking: labels::speakers(stats)
                .into_iter()
                .map(|(key, speaking)| SpeakerJson::new(catalogue, port, key, speaking))
                .collect(),
            processes,
        })
    }
}
