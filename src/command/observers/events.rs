//! Events on the report's destination while a capture runs.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portlore::pipeline::{JudgedFlow, Snapshot};
use portlore::report::formats::{FlowOutput, IntervalWriter};
use portlore::{Error, ErrorKind, Result};

use super::Observer;
use crate::cli::{ObserverArgs, OutputArgs};
use crate::command::output::{Output, OutputState};
use crate::command::session::zone;

/// Events that wait to be written.
const QUEUE: usize = 1024;

/// Writes the event of a flow that has ended.
pub type WriteFlow = fn(&mut dyn Write, &JudgedFlow) -> io::Result<()>;

/// The events of a running capture. The default has none.
#[derive(Default)]
pub struct EventPlan {
    /// The time between two interval events, and what writes them.
    intervals: Option<(Duration, Box<dyn IntervalWriter>)>,
    flows: Option<WriteFlow>,
}

impl EventPlan {
    /// The events that the format writes while a capture runs, at the interval that the user chose.
    pub fn new(args: &ObserverArgs, outputs: &OutputArgs) -> Self {
        let format = outputs.format.definition();
        let intervals = format.intervals.and_then(|output| {
            Some((args.interval.or(output.default)?, (output.writer)(zone(outputs))))
        });
        let flows = match format.flows {
            FlowOutput::Streamed(write) => Some(write),
            FlowOutput::Never | FlowOutput::OnRequest | FlowOutput::AtEnd => None,
        };
        Self { intervals, flows }
    }

    /// The flows of a capture that is read to its end, in a format that writes each one when it
    /// ends.
    pub fn of_replay(outputs: &OutputArgs) -> Self {
        let flows = match outputs.format.definition().flows {
            FlowOutput::Streamed(write) if outputs.only.is_none() => Some(write),
            _ => None,
        };
        Self { intervals: None, flows }
    }

    /// Whether nothing is written while the capture runs.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_none() && self.flows.is_none()
    }
}

/// The report's destination while the capture runs.
pub enum OutputStream {
    /// Nothing is written before the report.
    Unused(Output),
    /// Events are written.
    Events(EventWriter),
}

impl OutputStream {
    /// Starts to write events, where some are planned, and returns the observer that makes those of
    /// intervals. Sets `stop` when nobody reads the events any more.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the thread cannot be started.
    pub fn open(
        output: Output,
        plan: EventPlan,
        stop: &Arc<AtomicBool>,
    ) -> Result<(Self, Option<IntervalObserver>)> {
        if plan.is_empty() {
            return Ok((Self::Unused(output), None));
        }
        let EventPlan { intervals, flows } = plan;
        let events = EventWriter::start(output, flows, stop)?;
        let intervals = intervals.map(|(every, writer)| {
            let lines = events.lines.clone();
            IntervalObserver { every, due: every, writer, lines }
        });
        Ok((Self::Events(events), intervals))
    }

    /// Writes a flow when it ends, where such events are planned. Waits while too many events are
    /// unwritten.
    pub fn flow_hook(&self) -> Option<impl Fn(&JudgedFlow) + Sync + use<>> {
        let Self::Events(EventWriter { lines, flows: Some(write), .. }) = self else { return None };
        let (lines, write) = (lines.clone(), *write);
        Some(move |flow: &JudgedFlow| {
            let mut line = Vec::new();
            // Writing to memory cannot fail, and a reader that is gone ends the capture.
            drop(write(&mut line, flow).map(|()| lines.send(line)));
        })
    }

    /// Waits until all events are written. Their senders, the observer and the flow hook, must be
    /// dropped before. `None` where the reader of the events has left.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where an event could not be written.
    pub fn finish(self) -> Result<Option<Output>> {
        match self {
            Self::Unused(output) => Ok(Some(output)),
            Self::Events(EventWriter { lines, thread, .. }) => {
                drop(lines);
                thread
                    .join()
                    .unwrap_or_else(|panic| Err(Error::from_panic("the writer of events", &*panic)))
            }
        }
    }
}

/// The thread that writes events, so that a flush happens when no more events are waiting.
pub struct EventWriter {
    lines: SyncSender<Vec<u8>>,
    flows: Option<WriteFlow>,
    thread: JoinHandle<Result<Option<Output>>>,
}

impl EventWriter {
    fn start(output: Output, flows: Option<WriteFlow>, stop: &Arc<AtomicBool>) -> Result<Self> {
        let (lines, waiting) = sync_channel(QUEUE);
        let stop = Arc::clone(stop);
        let thread = thread::Builder::new().name("events".into()).spawn(move || {
            let _end = StopOnPanic(&stop);
            write(output, &waiting, &stop)
        });
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::System, format!("events cannot be written: {error}"))
        })?;
        Ok(Self { lines, flows, thread })
    }
}

/// Ends the capture where the thread panics: nobody would read of it.
struct StopOnPanic<'s>(&'s AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Writes an event whenever an interval has passed.
pub struct IntervalObserver {
    every: Duration,
    /// Time since the start of the capture at which the next event is due.
    due: Duration,
    writer: Box<dyn IntervalWriter>,
    lines: SyncSender<Vec<u8>>,
}

impl Observer for IntervalObserver {
    fn observe(&mut self, snapshot: &Snapshot) {
        if snapshot.elapsed < self.due {
            return;
        }
        self.due = (self.due + self.every).max(snapshot.elapsed);
        let mut line = Vec::new();
        drop(self.writer.write(&mut line, snapshot).map(|()| self.lines.send(line)));
    }
}

/// Writes lines until all senders are gone, and flushes whenever none is waiting. Sets `stop` where
/// the reader is gone, and returns nothing then, or writing fails.
fn write(
    mut output: Output,
    lines: &Receiver<Vec<u8>>,
    stop: &AtomicBool,
) -> Result<Option<Output>> {
    loop {
        let (line, flush) = match lines.try_recv() {
            Ok(line) => (line, false),
            Err(TryRecvError::Disconnected) => return Ok(Some(output)),
            Err(TryRecvError::Empty) => {
                let written = output.put(&[], true);
                let Ok(line) = lines.recv() else { return Ok(Some(output)) };
                if written != Ok(OutputState::Open) {
                    stop.store(true, Ordering::Relaxed);
                    return written.map(|_| None);
                }
                (line, false)
            }
        };
        match output.put(&line, flush) {
            Ok(OutputState::Open) => {}
            other => {
                stop.store(true, Ordering::Relaxed);
                return other.map(|_| None);
            }
        }
    }
}
