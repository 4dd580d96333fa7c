//! The full-screen view of a running capture: ports, servers, findings and flows, each of which
//! opens, and what was lost.
//!
//! Takes [`Snapshot`]s and keys, draws a terminal. Knows nothing of how frames are captured: it
//! sets a flag to end the capture, and requests flows through a channel.
//!
//! `keys.rs` is the table of keys, `state.rs` what they change, `view.rs` a snapshot prepared for
//! the screen. `lists/` are the four lists and what filters see of their rows, `columns.rs` their
//! columns, `filter/` the filter. `pages/` are what rows open, and help. `draw.rs` draws it all.
//! `terminal.rs` takes and restores the terminal, `hangup.rs` notices that it is gone.

mod columns;
mod draw;
mod filter;
#[cfg_attr(windows, path = "windows/hangup.rs")]
mod hangup;
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

use self::hangup::{HangupWatch, is_gone};
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
/// in the meantime. If the terminal cannot be used any more, this ends the capture, too, and the last
/// messages say why.
pub fn run(inputs: ScreenInputs<'_>) -> Vec<String> {
    // Whatever ends the screen ends the capture, even a panic.
    let _stop = StopOnDrop(inputs.stop);
    let mut state = ScreenState::new(inputs.title.clone(), inputs.requester.clone(), inputs.colour);
    state.filter_on = inputs.filter_on;
    let ended = show(&mut state, inputs);
    let mut messages = state.into_messages();
    messages.extend(ended.err().iter().flat_map(Error::lines));
    messages
}

/// Sets a flag when it is dropped.
struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Shows the capture until it ends or the user ends it.
fn show(state: &mut ScreenState, inputs: ScreenInputs<'_>) -> Result<()> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::System, format!("the screen ended: {error}"))
            .with_remedy("--no-tui does without it")
    };
    let gone = || Error::new(ErrorKind::System, "the terminal is gone");
    let hangup = HangupWatch::start().map_err(failed)?;
    match draw_until_ended(state, inputs, &hangup) {
        _ if hangup.has_hung_up() => Err(gone()),
        // Writing may notice it first.
        Err(error) if is_gone(&error) => Err(gone()),
        ended => ended.map_err(failed),
    }
}

fn draw_until_ended(
    state: &mut ScreenState,
    mut inputs: ScreenInputs<'_>,
    hangup: &HangupWatch,
) -> io::Result<()> {
    let mut tty = Tty::enter()?;
    let mut changed = true;
    let is_over = || inputs.stop.load(Ordering::Relaxed) || terminal::is_left();
    while !is_over() && !hangup.has_hung_up() {
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
            tty.terminal.draw(|frame| draw::draw(state, frame))?;
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
    Ok(())
}

#[cfg(test)]
mod tests;
