//! The full-screen view of a running capture: ports, servers, findings and flows, each of which
//! opens, and what was lost.
//!
//! Takes [`Snapshot`]s and keys, draws a terminal. Knows nothing of how frames are captured: it
//! sets a flag to end the capture, and requests flows through a channel.
//!
//! `keys.rs` is the table of keys, `state.rs` what they change, `view.rs` a snapshot prepared for
//! the screen. `lists/` are the four lists and what filters see of their rows, `columns.rs` their
//! columns, `filter/` the filter. `pages/` are what rows open, and help. `draw.rs` draws it all.

mod columns;
mod draw;
mod filter;
mod history;
mod keys;
mod lists;
mod pages;
mod state;
mod terminal;
mod tone;
mod view;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};

pub use keys::{KEYS, KeyGroup, KeyHelp, ScreenKey};
pub use terminal::{prepare, restore};

use self::state::ScreenState;
use self::terminal::Tty;
use crate::pipeline::{Snapshot, SnapshotRequester};
use crate::report::parts::display_filter::FilterOn;
use crate::{Error, ErrorKind, Result};

/// How long a key, a view or the end of the capture goes unnoticed at most.
const POLL: Duration = Duration::from_millis(50);

/// What a signal asks of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalSignal {
    /// To end, and the capture with it.
    End,
    /// To leave the terminal before the process obeys the signal of this number; to take it again
    /// if the process goes on behind it.
    Leave(i32),
    /// To take the terminal again: whoever stopped the process may have changed its modes.
    Resume,
}

/// Signals that concern the terminal.
pub trait TerminalSignals: Send {
    /// The next signal that came, if one did.
    fn next(&mut self) -> Option<TerminalSignal>;

    /// Does what the signal does by default: stops the process, or ends it.
    fn obey(&mut self, signal: i32);
}

/// What the screen shows and what it is connected to.
pub struct ScreenInputs<'s> {
    /// The names of what is captured, for the first line.
    pub title: String,
    /// Snapshots of the running capture. The screen ends when the sender is gone.
    pub snapshots: Receiver<Snapshot>,
    /// Messages that would have gone to stderr.
    pub messages: Receiver<String>,
    /// Requests flows.
    pub requester: SnapshotRequester,
    /// The flag that ends the capture, and the screen.
    pub stop: &'s AtomicBool,
    /// Signals that concern the terminal.
    pub signals: Box<dyn TerminalSignals + 's>,
    /// Whether colours may be used.
    pub colour: bool,
    /// What the display filters of flows select.
    pub filter_on: FilterOn,
}

/// Shows the capture until it ends or the user ends it; returns the messages that arrived
/// in the meantime.
///
/// # Errors
/// Of kind [`ErrorKind::System`] if the terminal cannot be used any more. This ends the capture,
/// too.
pub fn run(inputs: ScreenInputs<'_>) -> Result<Vec<String>> {
    // Whatever ends the screen ends the capture, even a panic.
    let _stop = StopOnDrop(inputs.stop);
    show(inputs).map_err(|error| {
        Error::new(ErrorKind::System, format!("the screen ended: {error}"))
            .with_remedy("--no-tui does without it")
    })
}

/// Sets a flag when it is dropped.
struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn show(mut inputs: ScreenInputs<'_>) -> io::Result<Vec<String>> {
    let mut tty = Tty::enter()?;
    let mut state = ScreenState::new(inputs.title, inputs.requester, inputs.colour);
    state.filter_on = inputs.filter_on;
    let mut changed = true;
    while !inputs.stop.load(Ordering::Relaxed) && !terminal::is_left() {
        match inputs.snapshots.try_recv() {
            Ok(view) => {
                state.update(view);
                changed = true;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
        }
        for message in inputs.messages.try_iter() {
            state.add_message(message);
            changed = true;
        }
        match inputs.signals.next() {
            None => {}
            Some(TerminalSignal::End) => break,
            Some(signal) => {
                terminal::restore();
                if let TerminalSignal::Leave(number) = signal {
                    inputs.signals.obey(number);
                }
                tty.enter_again()?;
                changed = true;
            }
        }
        if changed {
            tty.terminal.draw(|frame| draw::draw(&mut state, frame))?;
            changed = false;
        }
        if event::poll(POLL)? {
            match event::read()? {
                Event::Key(key) if key.is_press() => {
                    if !state.press(key) {
                        break;
                    }
                    changed = true;
                }
                Event::Resize(..) => changed = true,
                _ => {}
            }
        }
    }
    Ok(state.into_messages())
}

#[cfg(test)]
mod tests;
