//! The full-screen view, on a thread of its own.

use std::sync::mpsc::{self, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use portlore::Error;
use portlore::pipeline::{Snapshot, SnapshotRequester};
use portlore::report::parts::display_filter::FilterOn;
use portlore::screen::{self, ScreenInputs};

use crate::command::messages;
use crate::command::signal_flags::SignalFlags;
use crate::command::signals::ScreenSignals;

/// What the screen needs beside snapshots.
pub struct ScreenContext<'s> {
    /// What is captured.
    pub title: String,
    pub signals: &'s SignalFlags,
    pub requester: SnapshotRequester,
    /// Whether colours may be used.
    pub colour: bool,
    /// What the display filters of flows select.
    pub filter_on: FilterOn,
}

/// The screen's thread. Messages go to the screen while it runs.
pub struct ScreenThread<'scope> {
    /// `None` once the screen has ended.
    snapshots: Option<SyncSender<Snapshot>>,
    /// Returns the messages that came meanwhile, and why the screen ended early, if it did.
    thread: ScopedJoinHandle<'scope, Vec<String>>,
}

impl<'scope> ScreenThread<'scope> {
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        context: ScreenContext<'scope>,
        terminal_signals: ScreenSignals,
    ) -> Self {
        let ScreenContext { title, signals, requester, colour, filter_on } = context;
        let (to_screen, snapshots) = sync_channel(1);
        let (to_messages, messages) = mpsc::channel();
        messages::redirect(Some(to_messages));
        let stop = &*signals.stop;
        let inputs = ScreenInputs {
            title,
            snapshots,
            messages,
            requester,
            stop,
            signals: Box::new(terminal_signals),
            colour,
            filter_on,
        };
        let thread = scope.spawn(move || {
            let _hold = signals.hold_force_quit();
            screen::run(inputs)
        });
        Self { snapshots: Some(to_screen), thread }
    }

    /// Shows a snapshot, unless the screen has ended.
    pub fn show(&mut self, snapshot: Snapshot) {
        self.snapshots = self.snapshots.take().filter(|screen| screen.send(snapshot).is_ok());
    }

    /// Ends the screen, and prints the messages that came meanwhile. Returns the panic of its thread,
    /// if there was one.
    pub fn finish(self) -> Option<Error> {
        drop(self.snapshots);
        let ended = self.thread.join();
        messages::redirect(None);
        ended.iter().flatten().for_each(|line| messages::print(line));
        ended.err().map(|panic| Error::from_panic("the full-screen view", &*panic))
    }
}
