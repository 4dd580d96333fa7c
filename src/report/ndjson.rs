//! A running capture as events, one JSON object a line: `flow` when one has ended, `interval` with
//! what came since the last one, `drops` when there were some, `end` with the document of `--format
//! json` without its flows. Fields are those of the document.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::json::{self, Both, Dropped, Spoken};
use super::{Report, words};
use crate::decode::Transport;
use crate::flow::Counts;
use crate::pipeline::{JudgedFlow, Snapshot};
use crate::stats::PortStats;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Flow(Box<json::Flow<'a>>),
    Interval(Interval<'a>),
    Drops(Dropped),
    End(Box<json::Document<'a>>),
}

/// What came since the interval before.
#[derive(Serialize)]
struct Interval<'a> {
    elapsed_ns: u64,
    interval_ns: u64,
    frames: u64,
    segments: u64,
    bytes: u64,
    live_flows: u64,
    dropped: Dropped,
    ports: Vec<Port<'a>>,
}

#[derive(Serialize)]
struct Port<'a> {
    port: u16,
    transport: &'static str,
    flows: u64,
    packets: Both,
    bytes: Both,
    /// Who has spoken there so far, by bytes.
    speaking: Vec<Spoken<'a>>,
    /// Who is behind it, by name.
    processes: Vec<&'a str>,
}

/// Writes a flow that has ended.
///
/// # Errors
/// Where `out` cannot be written.
pub fn flow(out: &mut dyn Write, flow: &JudgedFlow<'_>) -> io::Result<()> {
    line(out, &Event::Flow(Box::new(json::flow_view(flow))))
}

/// Writes the end of a capture.
///
/// # Errors
/// Where `out` cannot be written.
pub fn end(out: &mut dyn Write, report: &Report<'_, '_>) -> io::Result<()> {
    line(out, &Event::End(Box::new(json::document(report, false))))
}

fn line(out: &mut dyn Write, event: &Event<'_>) -> io::Result<()> {
    event.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, json::Safe))?;
    writeln!(out)
}

/// The counts at the last interval, from which the next one is reckoned.
#[derive(Default)]
pub struct Intervals {
    elapsed_ns: u64,
    counts: [u64; 6],
    ports: HashMap<(u16, Transport), (u64, Counts, Counts)>,
}

impl Intervals {
    /// Writes what came since the last time; the drops in a line of their own, too, where there
    /// were some.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn write(&mut self, out: &mut dyn Write, view: &Snapshot<'_>) -> io::Result<()> {
        let (run, tally) = (&view.run, &view.run.counters);
        let counts = [
            tally.frames,
            tally.segments,
            tally.bytes,
            run.drops.kernel,
            run.drops.interface,
            tally.queue,
        ];
        let mut grown = counts;
        grown
            .iter_mut()
            .zip(self.counts)
            .for_each(|(now, before)| *now = now.saturating_sub(before));
        let [frames, segments, bytes, kernel, interface, queue] = grown;
        let elapsed_ns = u64::try_from(view.elapsed.as_nanos()).unwrap_or(u64::MAX);
        let dropped = || Dropped { kernel, interface, queue };
        let mut ports: Vec<_> = run.stats.ports.iter().collect();
        ports.sort_by_key(|(key, _)| **key);
        let interval = Interval {
            elapsed_ns,
            interval_ns: elapsed_ns.saturating_sub(self.elapsed_ns),
            frames,
            segments,
            bytes,
            live_flows: view.live_flows,
            dropped: dropped(),
            ports: ports.iter().filter_map(|(key, stats)| self.port(**key, stats)).collect(),
        };
        line(out, &Event::Interval(interval))?;
        if kernel + interface + queue > 0 {
            line(out, &Event::Drops(dropped()))?;
        }
        self.elapsed_ns = elapsed_ns;
        self.counts = counts;
        self.ports = ports
            .into_iter()
            .map(|(&key, s)| (key, (s.all.flows, s.all.packets, s.all.bytes)))
            .collect();
        Ok(())
    }

    /// What came on a port since the last time; `None` where nothing did.
    fn port<'a>(
        &self,
        (port, transport): (u16, Transport),
        stats: &'a PortStats<'a>,
    ) -> Option<Port<'a>> {
        let (flows, packets, bytes) =
            self.ports.get(&(port, transport)).copied().unwrap_or_default();
        let since = |now: Counts, before: Counts| Counts {
            initiator: now.initiator.saturating_sub(before.initiator),
            responder: now.responder.saturating_sub(before.responder),
        };
        let packets = since(stats.all.packets, packets);
        let mut processes: Vec<&str> =
            stats.behind.responders.by.keys().map(|holder| holder.name.as_str()).collect();
        processes.dedup();
        (packets.sum() > 0).then(|| Port {
            port,
            transport: transport.as_str(),
            flows: stats.all.flows.saturating_sub(flows),
            packets: packets.into(),
            bytes: since(stats.all.bytes, bytes).into(),
            speaking: words::speakers(stats)
                .into_iter()
                .map(|(key, sums)| json::spoken(key, sums))
                .collect(),
            processes,
        })
    }
}
