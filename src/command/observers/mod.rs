//! Observers of a running capture: metrics, events, the screen.
//!
//! `live` and `replay --follow` share them. [`LiveOutputs`] is what has to be opened before
//! privileges are dropped; [`Observers`] is what runs beside the capture and sees each snapshot of it.

mod events;
mod metrics;
mod screen;

use std::io::{self, IsTerminal};
use std::thread::Scope;
use std::time::Duration;

use portlore::metrics_server::MetricsServer;
use portlore::pipeline::Snapshot;
use portlore::platform::take_terminal;
use portlore::{Error, Result};

pub use self::events::{EventPlan, IntervalObserver, OutputStream};
pub use self::screen::ScreenContext;

use self::metrics::MetricsObserver;
use self::screen::ScreenThread;
use super::output::Output;
use super::signals::ScreenSignals;
use crate::cli::{ObserverArgs, OutputArgs};

/// Flows of a port that the screen shows.
const SCREEN_FLOWS: usize = 200;

/// Sees a capture while it runs.
pub trait Observer: Send {
    /// Gets the next snapshot, on the snapshot thread.
    fn observe(&mut self, snapshot: &Snapshot);
}

/// Where the keys of the screen come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyboard {
    /// Standard input.
    StandardInput,
    /// The controlling terminal of the process: standard input is the capture.
    ControllingTerminal,
}

impl Keyboard {
    /// Whether keys can be read. The controlling terminal takes the place of standard input, which
    /// must be open under another descriptor: the terminal cannot be opened again once the process
    /// is closed off from the file system.
    fn is_ready(self) -> bool {
        if self == Self::ControllingTerminal {
            return take_terminal();
        }
        io::stdin().is_terminal()
    }
}

/// Outputs of a running capture, opened before privileges are dropped. The default has none.
#[derive(Default)]
pub struct LiveOutputs {
    /// Where metrics are served.
    server: Option<MetricsServer>,
    /// The signals of the screen, where there is one.
    screen: Option<ScreenSignals>,
    /// What is written to the report's destination meanwhile.
    events: EventPlan,
}

impl LiveOutputs {
    /// Opens what the flags ask for. There is a screen only where people see it: the keys come from
    /// a terminal, and the report is a table that goes to one.
    ///
    /// # Errors
    /// Where the terminal, or the address for metrics, cannot be used.
    pub fn open(
        args: &ObserverArgs,
        outputs: &OutputArgs,
        output: &Output,
        keyboard: Keyboard,
    ) -> Result<Self> {
        let format = outputs.format.definition();
        let screen = !args.no_tui
            && args.interval.is_none()
            && format.full_screen
            && output.is_terminal()
            && keyboard.is_ready();
        let screen = if screen {
            portlore::screen::prepare()?;
            Some(ScreenSignals::register()?)
        } else {
            None
        };
        let server = args.metrics.map(MetricsServer::bind).transpose()?;
        Ok(Self { server, screen, events: EventPlan::new(args, outputs) })
    }

    /// The outputs of a capture that is read to its end.
    pub fn of_replay(outputs: &OutputArgs) -> Self {
        Self { events: EventPlan::of_replay(outputs), ..Self::default() }
    }

    /// Whether single flows are shown while the capture runs.
    pub const fn shows_flows(&self) -> bool {
        self.screen.is_some()
    }

    /// Where metrics are served, as the end of a sentence; empty where they are not.
    pub fn description(&self) -> String {
        self.server.as_ref().map_or_else(String::new, |server| {
            format!("; metrics at http://{}/metrics", server.address)
        })
    }

    /// Takes out what is written to the report's destination.
    pub fn take_events(&mut self) -> EventPlan {
        std::mem::take(&mut self.events)
    }
}

/// Time between two snapshots that people follow.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);
/// Time between two snapshots for metrics alone: a scrape may come at any time, and what it gets is not
/// to be a second old, with the time that the snapshot took.
const METRICS_EVERY: Duration = Duration::from_millis(500);

/// The observers of a running capture.
pub struct Observers<'scope> {
    list: Vec<Box<dyn Observer>>,
    /// Gets the snapshot behind the others, because it keeps it.
    screen: Option<ScreenThread<'scope>>,
    /// Time between two snapshots.
    every: Duration,
}

impl<'scope> Observers<'scope> {
    /// Starts the observers. `context` is for the screen, where there is one.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where a thread cannot be started.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        outputs: LiveOutputs,
        intervals: Option<IntervalObserver>,
        context: ScreenContext<'scope>,
    ) -> Result<Self> {
        let mut list: Vec<Box<dyn Observer>> = Vec::new();
        let is_served = outputs.server.is_some();
        if let Some(server) = outputs.server {
            list.push(Box::new(MetricsObserver::serve(server)?));
        }
        if let Some(intervals) = intervals {
            list.push(Box::new(intervals));
        }
        let is_seen = outputs.screen.is_some() || list.len() > usize::from(is_served);
        let every = if is_seen { SNAPSHOT_EVERY } else { METRICS_EVERY };
        let screen = outputs.screen.map(|signals| ScreenThread::start(scope, context, signals));
        Ok(Self { list, screen, every })
    }

    /// Time between two snapshots.
    pub const fn interval(&self) -> Duration {
        self.every
    }

    /// Whether nobody observes the capture.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.screen.is_none()
    }

    /// Number of flows that each snapshot is to bring.
    pub const fn flows(&self) -> usize {
        if self.screen.is_some() { SCREEN_FLOWS } else { 0 }
    }

    /// Passes a snapshot to every observer.
    pub fn observe(&mut self, snapshot: Snapshot) {
        self.list.iter_mut().for_each(|observer| observer.observe(&snapshot));
        if let Some(screen) = &mut self.screen {
            screen.show(snapshot);
        }
    }

    /// Ends the observers: no more snapshots will come. Returns the panic of one, if there was one.
    pub fn finish(self) -> Option<Error> {
        self.screen.and_then(ScreenThread::finish)
    }
}
