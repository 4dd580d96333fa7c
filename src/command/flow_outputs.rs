//! `--flows-to`: flows as rows, written while the capture is read, beside the report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portlore::columns::{COLUMNS, facts_of};
use portlore::pipeline::JudgedFlow;
use portlore::report::flows::{FlowFormat, FlowSink};
use portlore::{Error, ErrorKind, Result};

use super::output::{Output, OutputState};

/// Bytes of rows that are written together.
const TOGETHER: usize = 64 << 10;

/// The outputs of flows.
pub struct FlowOutputs {
    outputs: Mutex<Vec<FlowRows>>,
    /// Ends the capture when nobody reads flows any more, or when they cannot be written.
    stop: Arc<AtomicBool>,
    /// Whether readers see each row at once.
    is_prompt: bool,
    formats: Vec<&'static FlowFormat>,
}

/// The rows of one output.
struct FlowRows {
    sink: Box<dyn FlowSink>,
    output: Output,
    /// Rows that are not written yet.
    waiting: Vec<u8>,
    state: Result<OutputState>,
}

impl FlowRows {
    fn new(format: &FlowFormat, output: Output) -> Result<Self> {
        let mut waiting = Vec::new();
        let sink = (format.start)(&mut waiting).map_err(|error| cannot_be_encoded(&error))?;
        Ok(Self { sink, output, waiting, state: Ok(OutputState::Open) })
    }

    /// Writes a flow. Returns whether more are wanted.
    fn write(&mut self, flow: &JudgedFlow, is_prompt: bool) -> bool {
        if self.state == Ok(OutputState::Open) {
            self.state = match self.sink.flow(flow, &mut self.waiting) {
                Ok(()) if is_prompt || self.waiting.len() >= TOGETHER => self.put(is_prompt),
                Ok(()) => Ok(OutputState::Open),
                Err(error) => Err(cannot_be_encoded(&error)),
            };
        }
        self.state == Ok(OutputState::Open)
    }

    fn put(&mut self, flush: bool) -> Result<OutputState> {
        let state = self.output.put(&self.waiting, flush);
        self.waiting.clear();
        state
    }

    /// Writes what is left; a file has no name yet.
    fn end(self) -> Result<(Output, OutputState)> {
        let Self { sink, mut output, mut waiting, state } = self;
        if state? == OutputState::Closed {
            return Ok((output, OutputState::Closed));
        }
        sink.end(&mut waiting).map_err(|error| cannot_be_encoded(&error))?;
        let state = output.put(&waiting, true)?;
        Ok((output, state))
    }
}

fn cannot_be_encoded(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Output, format!("flows cannot be encoded: {error}"))
}

impl FlowOutputs {
    /// Begins the outputs. `stop` ends the capture; `is_prompt` if readers are to see each row at
    /// once.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] if the beginning cannot be encoded.
    pub fn begin(
        outputs: Vec<(&'static FlowFormat, Output)>,
        stop: &Arc<AtomicBool>,
        is_prompt: bool,
    ) -> Result<Self> {
        let formats = outputs.iter().map(|(format, _)| *format).collect();
        let outputs = outputs.into_iter().map(|(format, output)| FlowRows::new(format, output));
        let outputs = Mutex::new(outputs.collect::<Result<_>>()?);
        Ok(Self { outputs, stop: Arc::clone(stop), is_prompt, formats })
    }

    /// The formats.
    pub fn formats(&self) -> &[&'static FlowFormat] {
        &self.formats
    }

    /// The facts that rows show.
    pub fn facts(&self) -> Vec<&'static str> {
        let has_columns = self.formats.iter().any(|format| format.has_columns);
        if has_columns { facts_of(COLUMNS) } else { Vec::new() }
    }

    /// Writes a flow that has ended to all outputs.
    pub fn write(&self, flow: &JudgedFlow) {
        for rows in &mut *self.outputs.lock().unwrap_or_else(PoisonError::into_inner) {
            if !rows.write(flow, self.is_prompt) {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Completes all outputs and gives files their names. None gets one where another output could
    /// not be written, where its reader has left ([`OutputState::Closed`]), or where writing
    /// panicked: flows are missing then.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where one could not be written: the first of them.
    pub fn finish(self) -> Result<OutputState> {
        let Ok(outputs) = self.outputs.into_inner() else {
            // A writer panicked, of which the report tells.
            return Ok(OutputState::Open);
        };
        let ended = outputs.into_iter().map(FlowRows::end).collect::<Result<Vec<_>>>()?;
        if ended.iter().any(|(_, state)| *state == OutputState::Closed) {
            return Ok(OutputState::Closed);
        }
        ended.into_iter().try_for_each(|(output, _)| output.write(|_, _| Ok(())))?;
        Ok(OutputState::Open)
    }
}
