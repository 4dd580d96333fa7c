//! The loop from a source to the output.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use portlore::decode::{Decoder, Skip};
use portlore::osc_trace::{OscTrace, TraceScope};
use portlore::report::pages::osc::{OscCounts, OscWriter};
use portlore::report::parts::units::plural;
use portlore::source::{Block, Drops, Filled, Filter, Source};
use portlore::time::Time;
use portlore::{Error, Result};

use super::display::Display;
use super::rate::RateLimit;
use crate::cli::OscArgs;
use crate::command::output::{Output, OutputState};
use crate::command::signal_flags::SignalFlags;
use crate::command::{INCOMPLETE, messages};

/// Time for which a live capture that was stopped goes on reading what the system already holds.
const DRAIN: Duration = Duration::from_millis(200);

/// A trace that is about to start.
pub struct Watch<'a> {
    signals: &'a SignalFlags,
    output: Output,
    decoder: Decoder,
    trace: OscTrace,
    display: Display<'a>,
    is_live: bool,
    is_quiet: bool,
    /// When a live capture is to end.
    deadline: Option<Instant>,
    failure: Option<Error>,
    /// Frames whose link type is not decoded, or whose headers are cut.
    undecoded: u64,
}

impl<'a> Watch<'a> {
    pub fn new(
        args: &'a OscArgs,
        signals: &'a SignalFlags,
        output: Output,
        writer: Box<dyn OscWriter>,
    ) -> Self {
        let is_live = !args.interfaces.is_empty();
        let rate = RateLimit::new(args.rate);
        let tells_seconds = is_live && !args.quiet;
        Self {
            signals,
            output,
            decoder: Decoder::new(!args.no_tunnels),
            trace: OscTrace::new(TraceScope { ports: args.port.clone(), hosts: args.host.clone() }),
            display: Display::new(
                (&args.address, args.selected.as_ref()),
                writer,
                rate,
                args.count,
                tells_seconds,
            ),
            is_live,
            is_quiet: args.quiet,
            deadline: args.span.map(|span| Instant::now() + span),
            failure: None,
            undecoded: 0,
        }
    }

    /// Reads the source to its end, writes what it holds, and returns the exit status.
    ///
    /// # Errors
    /// Where the output cannot be written. A reader of the output that goes away ends the trace.
    pub fn run(mut self, source: &mut dyn Source, mut filter: Option<Filter>) -> Result<u8> {
        let mut block = Block::default();
        let mut draining: Option<Instant> = None;
        loop {
            block.clear();
            let filled = source.read(&mut block);
            self.read(&block, filter.as_mut());
            if self.is_live && matches!(filled, Ok(Filled::Idle)) {
                self.pass_time();
            }
            if self.hand_over()? == OutputState::Closed {
                return Ok(0);
            }
            let is_over = match filled {
                Ok(Filled::Frames | Filled::Idle) => false,
                Ok(Filled::End) => true,
                Err(error) => {
                    self.failure = Some(error);
                    true
                }
            };
            if is_over || self.display.is_done() {
                break;
            }
            if self.is_stopped() {
                // A live capture still reads what the system holds.
                let until = *draining.get_or_insert_with(|| Instant::now() + DRAIN);
                if !self.is_live || Instant::now() >= until {
                    break;
                }
            }
        }
        source.finish();
        let was_interrupted = self.signals.stop.load(Ordering::Relaxed) && !self.is_live;
        let Self { trace, display, .. } = &mut self;
        trace.finish(&mut |entry| display.show(entry));
        display.counts.given_up = trace.given_up();
        display.finish();
        if self.hand_over()? == OutputState::Closed {
            return Ok(0);
        }
        self.output.write(|_, _| Ok(()))?;
        let mut problems = source.problems();
        problems.extend(self.failure.iter().map(ToString::to_string));
        problems.extend(filter.iter().flat_map(Filter::problems));
        if self.undecoded > 0 {
            let frames = plural(self.undecoded, "packet");
            problems.push(format!(
                "{frames} could not be decoded; run `portlore replay` to see which and why"
            ));
        }
        if was_interrupted && !source.is_endless() {
            let frames = self.display.counts.frames;
            problems.push(format!("interrupted after frame {frames}; the rest was not read"));
        }
        if !self.is_quiet {
            source.notices().iter().for_each(|line| messages::print(line));
            messages::print(&summary(&self.display.counts, source.drops()));
        }
        problems.iter().for_each(|line| messages::print(line));
        Ok(if problems.is_empty() { 0 } else { INCOMPLETE })
    }

    fn read(&mut self, block: &Block, mut filter: Option<&mut Filter>) {
        let Self { decoder, trace, display, undecoded, .. } = self;
        for frame in block.frames(0) {
            if display.is_done() {
                return;
            }
            display.counts.frames += 1;
            if filter.as_deref_mut().is_some_and(|filter| !filter.matches(&frame)) {
                continue;
            }
            match decoder.decode(&frame) {
                Ok((segment, payload)) => {
                    trace.push(&segment, &payload, &mut |entry| display.show(entry));
                }
                Err(Skip::LinkType | Skip::Truncated | Skip::WifiAggregate) => *undecoded += 1,
                // Frames that hold neither TCP nor UDP.
                Err(_) => {}
            }
        }
    }

    /// Lets time pass while nothing comes.
    fn pass_time(&mut self) {
        let Ok(since) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) else { return };
        let now = Time::new(since.as_secs().cast_signed(), since.subsec_nanos().into());
        let Self { trace, display, .. } = self;
        trace.tick(now, &mut |entry| display.show(entry));
        display.advance(now);
    }

    /// Hands over what was written, through to the reader.
    fn hand_over(&mut self) -> Result<OutputState> {
        let Self { output, display, .. } = self;
        if display.buffer.is_empty() {
            return Ok(OutputState::Open);
        }
        let state = output.put(&display.buffer, true);
        display.buffer.clear();
        state
    }

    fn is_stopped(&self) -> bool {
        self.signals.stop.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// The last line for people.
fn summary(counts: &OscCounts, drops: Drops) -> String {
    let messages = match counts.messages {
        0 => "no OSC messages".to_owned(),
        n => format!("{} in {}", plural(n, "message"), plural(counts.packets, "OSC packet")),
    };
    let mut parts = vec![format!("{} read, {messages}", plural(counts.frames, "packet"))];
    let dropped = drops.kernel + drops.interface;
    for (n, one, what) in [
        (counts.failed, "piece", " of data that could not be read as OSC"),
        (counts.gaps, "gap", ""),
        (counts.left_out, "message", " left out by --rate"),
        (counts.given_up, "connection", " not followed: too many at once"),
        (dropped, "packet", " dropped before being read"),
    ] {
        if n > 0 {
            parts.push(format!("{}{what}", plural(n, one)));
        }
    }
    parts.join("; ")
}
