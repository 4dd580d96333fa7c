//! Who watches a live capture while it goes on: the screen, Prometheus, who reads events.

use std::io::{self, IsTerminal};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use portlore::catalogue::Catalogue;
use portlore::metrics_server::MetricsServer;
use portlore::pipeline::{Run, View, Views, asker};
use portlore::report::formats::openmetrics::Metrics;
use portlore::screen::{self, ScreenInputs};

use super::output::Output;
use super::signals::Wishes;
use super::talk::{divert, say};
use crate::cli::Live;

/// Time between two looks at the capture.
const EVERY: Duration = Duration::from_secs(1);
/// Flows that the screen shows of a port.
const FLOWS: usize = 200;

/// What must be opened before rights are given up.
pub struct Doors {
    endpoint: Option<MetricsServer>,
    screen: bool,
}

impl Doors {
    /// # Errors
    /// One line: what cannot be opened, reason, remedy.
    pub fn open(args: &Live, output: &Output) -> Result<Self, String> {
        let screen = wants_screen(args, output);
        if screen {
            screen::prepare().map_err(|error| error.to_string())?;
        }
        Ok(Self {
            endpoint: args
                .metrics
                .map(MetricsServer::bind)
                .transpose()
                .map_err(|error| error.to_string())?,
            screen,
        })
    }

    /// Where metrics are served, in words; nothing where they are not.
    pub fn told(&self) -> String {
        self.endpoint.as_ref().map_or_else(String::new, |endpoint| {
            format!("; metrics at http://{}/metrics", endpoint.address)
        })
    }
}

/// A screen is for people: both ends are a terminal, the report is a table and goes there.
fn wants_screen(args: &Live, output: &Output) -> bool {
    !args.no_tui
        && args.interval.is_none()
        && args.common.format.definition().full_screen
        && output.is_terminal()
        && io::stdin().is_terminal()
}

/// Everybody who watches.
pub struct Watchers<'w, 'c, E> {
    pub doors: Doors,
    /// What is captured.
    pub title: String,
    pub catalogue: &'c Catalogue,
    pub wishes: &'w Wishes,
    pub colour: bool,
    /// Hears of each view.
    pub events: Option<E>,
}

impl<'c, E: FnMut(&View<'_>) + Send> Watchers<'_, 'c, E> {
    /// Runs a capture before their eyes.
    ///
    /// # Errors
    /// One line: what cannot be started, or how the capture ended.
    pub fn over(
        self,
        run: impl FnOnce(Option<Views<'_, 'c>>) -> Result<Run<'c>, String>,
    ) -> Result<Run<'c>, String> {
        let Self { doors, title, catalogue, wishes, colour, mut events } = self;
        let metrics = doors.endpoint.map(serve).transpose()?;
        if metrics.is_none() && events.is_none() && !doors.screen {
            return run(None);
        }
        let (asker, asks) = asker();
        let (to_screen, views) = sync_channel(1);
        let mut to_screen = doors.screen.then_some(to_screen);
        thread::scope(|scope| {
            let screen = doors.screen.then(|| {
                let (messages, told) = mpsc::channel();
                divert(Some(messages));
                let wires = ScreenInputs {
                    title,
                    catalogue,
                    views,
                    messages: told,
                    asker,
                    stop: &wishes.stop,
                    colour,
                };
                scope.spawn(move || {
                    let _hold = wishes.hold();
                    screen::run(wires).map_err(|error| error.to_string())
                })
            });
            let mut on_view = |view: View<'c>| {
                if let Some(metrics) = &metrics {
                    metrics.lock().unwrap_or_else(PoisonError::into_inner).update(&view);
                }
                if let Some(events) = &mut events {
                    events(&view);
                }
                // A screen that has ended takes no more.
                to_screen = to_screen.take().filter(|screen| screen.send(view).is_ok());
            };
            let flows = if doors.screen { FLOWS } else { 0 };
            let ran = run(Some(Views { every: Some(EVERY), flows, asks, on_view: &mut on_view }));
            drop(to_screen);
            let messages = screen
                .map(|screen| screen.join().unwrap_or_else(|_| Err("the screen died".into())));
            divert(None);
            match messages {
                Some(Ok(messages)) => messages.iter().for_each(|line| say(line)),
                Some(Err(reason)) => say(&reason),
                None => {}
            }
            ran
        })
    }
}

/// Serves what views come to.
fn serve(endpoint: MetricsServer) -> Result<Arc<Mutex<Metrics>>, String> {
    let metrics = Arc::new(Mutex::new(Metrics::default()));
    let served = Arc::clone(&metrics);
    let text = move |format| served.lock().unwrap_or_else(PoisonError::into_inner).text(format);
    endpoint.serve(text).map_err(|error| error.to_string())?;
    Ok(metrics)
}
