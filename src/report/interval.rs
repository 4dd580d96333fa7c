//! A running capture for people who do not sit before it: a line for each interval.

use std::collections::HashMap;
use std::io::{self, Write};

use super::units::{bytes, count, duration, plural};
use super::words;
use crate::decode::Transport;
use crate::pipeline::Snapshot;

/// Ports that a line names, those with most bytes in the interval.
const PORTS: usize = 3;

/// What there was at the last interval, from which the next one is reckoned.
#[derive(Debug, Default)]
pub struct Intervals {
    elapsed_ns: u64,
    frames: u64,
    bytes: u64,
    lost: [u64; 3],
    ports: HashMap<(u16, Transport), u64>,
}

impl Intervals {
    /// Writes what came since the last time: when it ends, how long it was, what was read and lost,
    /// and what spoke most.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn write(&mut self, out: &mut dyn Write, view: &Snapshot<'_>) -> io::Result<()> {
        let (run, tally) = (&view.run, &view.run.counters);
        let elapsed_ns = u64::try_from(view.elapsed.as_nanos()).unwrap_or(u64::MAX);
        let span = elapsed_ns.saturating_sub(self.elapsed_ns);
        let frames = tally.frames.saturating_sub(self.frames);
        let rate = (frames as f64 * 1e9 / span.max(1) as f64).round() as u64;
        let clock = tally.seen.map_or_else(|| "no frame yet".to_owned(), |(_, last)| clock(last));
        write!(
            out,
            "{clock}  {}  {}, {}/s, {}  {} live",
            duration(span),
            plural(frames, "frame"),
            count(rate),
            bytes(tally.bytes.saturating_sub(self.bytes)),
            plural(view.live_flows, "flow"),
        )?;
        let lost = [run.drops.kernel, run.drops.interface, tally.queue];
        let [kernel, interface, queue] = [0, 1, 2].map(|at| lost[at].saturating_sub(self.lost[at]));
        match kernel + interface + queue {
            0 => write!(out, "  none dropped")?,
            _ => write!(
                out,
                "  DROPPED kernel {}, interface {}, queue {}",
                count(kernel),
                count(interface),
                count(queue)
            )?,
        }
        self.name_ports(out, view)?;
        writeln!(out)?;
        *self = Self {
            elapsed_ns,
            frames: tally.frames,
            bytes: tally.bytes,
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

    fn name_ports(&self, out: &mut dyn Write, view: &Snapshot<'_>) -> io::Result<()> {
        let since = |port: &(u16, Transport), now: u64| {
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
        for (grown, (port, transport), stats) in busy.into_iter().take(PORTS) {
            let speaker = words::speakers(stats)
                .first()
                .map(|(key, _)| words::spoken(view.run.catalogue, key).0);
            write!(
                out,
                "  {port}/{} {} {}",
                transport.as_str(),
                speaker.unwrap_or_default(),
                bytes(grown)
            )?;
        }
        Ok(())
    }
}

/// The second.
fn clock(time: crate::time::Time) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(second, _)| format!("{second}Z"))
}
