//! The screen of a running capture: ports by traffic, one port in full, and what was lost.
//!
//! Takes [`Snapshot`]s and keys, gives what a terminal shows. Knows nothing of how a capture is made:
//! to end it, it sets a flag, to see more of a port, it asks.

mod draw;
mod filter;
mod history;
mod list;
mod page;
mod state;
mod terminal;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};

pub use terminal::{prepare, restore};

use self::state::State;
use self::terminal::Tty;
use crate::catalogue::Catalogue;
use crate::pipeline::{Snapshot, SnapshotRequester};

/// How long a key, a view or the end of the capture may wait to be noticed.
const LOOK: Duration = Duration::from_millis(50);

/// What a screen is connected to.
pub struct Wires<'s, 'c> {
    /// What is captured, for the first line.
    pub title: String,
    /// What is known of ports, until a view knows better.
    pub catalogue: &'c Catalogue,
    /// The capture as it goes on; the screen ends when no more can come.
    pub views: Receiver<Snapshot<'c>>,
    /// Lines that would have gone to stderr.
    pub messages: Receiver<String>,
    /// Asks for the flows of a port.
    pub asker: SnapshotRequester,
    /// Ends the capture, and the screen.
    pub stop: &'s AtomicBool,
    /// Colours may be used.
    pub colour: bool,
}

/// Shows the capture until it ends or the user wants it to; gives the messages that came meanwhile.
///
/// # Errors
/// Where the terminal cannot be used any more. The capture is told to end then, too.
pub fn run(wires: Wires<'_, '_>) -> Result<Vec<String>, String> {
    let stop = wires.stop;
    // Whatever ends the screen ends the capture, a panic too.
    let _end = End(stop);
    show(wires).map_err(|error| format!("the screen ended: {error}; --no-tui does without it"))
}

struct End<'s>(&'s AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn show(wires: Wires<'_, '_>) -> io::Result<Vec<String>> {
    let mut tty = Tty::enter()?;
    let mut state = State::new(wires.title, wires.catalogue, wires.asker, wires.colour);
    let mut changed = true;
    while !wires.stop.load(Ordering::Relaxed) && !terminal::is_left() {
        match wires.views.try_recv() {
            Ok(view) => {
                state.see(view);
                changed = true;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
        }
        for message in wires.messages.try_iter() {
            state.say(message);
            changed = true;
        }
        if changed {
            tty.terminal.draw(|frame| draw::draw(&mut state, frame))?;
            changed = false;
        }
        if event::poll(LOOK)? {
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
