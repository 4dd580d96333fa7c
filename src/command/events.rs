//! Events on standard output while a capture goes on.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portlore::pipeline::{JudgedFlow, View};
use portlore::report::formats::IntervalWriter;

use super::output::{Output, Reader};

/// Lines that wait to be written.
const LINES: usize = 1024;

/// Writes a flow that has ended.
type WriteFlow = fn(&mut dyn Write, &JudgedFlow<'_>) -> io::Result<()>;

/// Where events go; a thread of its own writes them, so that what is flushed is what there is.
pub struct Events {
    lines: SyncSender<Vec<u8>>,
    writer: JoinHandle<Result<Output, String>>,
}

impl Events {
    /// `stop` is set when nobody reads any more.
    ///
    /// # Errors
    /// One line with the system's reason.
    pub fn open(output: Output, stop: &Arc<AtomicBool>) -> Result<Self, String> {
        let (lines, waiting) = sync_channel(LINES);
        let stop = Arc::clone(stop);
        let writer = thread::Builder::new()
            .name("events".into())
            .spawn(move || write(output, &waiting, &stop));
        let writer = writer.map_err(|error| format!("events cannot be written: {error}"))?;
        Ok(Self { lines, writer })
    }

    /// What is told when a flow ends. Waits while too much is unwritten.
    pub fn teller(&self, write: WriteFlow) -> impl Fn(&JudgedFlow<'_>) + Sync + use<> {
        let lines = self.lines.clone();
        move |flow: &JudgedFlow<'_>| {
            let mut line = Vec::new();
            // Memory can be written, and a reader who went away ends the capture.
            drop(write(&mut line, flow).map(|()| lines.send(line)));
        }
    }

    /// What is told of an interval, each time that at least `every` has gone by.
    pub fn clock(
        &self,
        every: Duration,
        mut writer: Box<dyn IntervalWriter>,
    ) -> impl FnMut(&View<'_>) + Send + use<> {
        let lines = self.lines.clone();
        let mut due = every;
        move |view: &View<'_>| {
            if view.elapsed < due {
                return;
            }
            due = (due + every).max(view.elapsed);
            let mut text = Vec::new();
            drop(writer.write(&mut text, view).map(|()| lines.send(text)));
        }
    }

    /// Waits until all is written, and gives back where.
    ///
    /// # Errors
    /// One line, where it could not be written.
    pub fn close(self) -> Result<Output, String> {
        drop(self.lines);
        self.writer.join().map_err(|_| "the thread that writes events died".to_owned())?
    }
}

fn write(
    mut output: Output,
    lines: &Receiver<Vec<u8>>,
    stop: &AtomicBool,
) -> Result<Output, String> {
    loop {
        let (line, flush) = match lines.try_recv() {
            Ok(line) => (line, false),
            Err(TryRecvError::Disconnected) => return Ok(output),
            Err(TryRecvError::Empty) => {
                let written = output.put(&[], true);
                let Ok(line) = lines.recv() else { return Ok(output) };
                if written != Ok(Reader::There) {
                    stop.store(true, Ordering::Relaxed);
                    return written.map(|_| output);
                }
                (line, false)
            }
        };
        match output.put(&line, flush) {
            Ok(Reader::There) => {}
            other => {
                stop.store(true, Ordering::Relaxed);
                return other.map(|_| output);
            }
        }
    }
}
