//! What signals ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::unregister;

use portlore::catalogue::Catalogue;

use super::Errors;
use super::catalogue::read;
use super::talk::say;

/// What signals ask for.
pub struct Wishes {
    pub stop: Arc<AtomicBool>,
    pub tell: Arc<AtomicBool>,
    /// The next signal to stop ends the program at once.
    hurry: Arc<AtomicBool>,
    /// What has a signal to stop set that.
    hurriers: Vec<SigId>,
}

impl Wishes {
    pub fn register() -> Result<Self, Errors> {
        let mut wishes = Self {
            stop: Arc::default(),
            tell: Arc::default(),
            hurry: Arc::default(),
            hurriers: Vec::new(),
        };
        let mut register = || {
            for signal in [SIGINT, SIGTERM] {
                // A second one ends the program at once, in case the report takes long.
                flag::register_conditional_shutdown(
                    signal,
                    128 + signal,
                    Arc::clone(&wishes.hurry),
                )?;
                flag::register(signal, Arc::clone(&wishes.stop))?;
                wishes.hurriers.push(flag::register(signal, Arc::clone(&wishes.hurry))?);
            }
            flag::register(SIGUSR1, Arc::clone(&wishes.tell))
        };
        match register() {
            Ok(_) => Ok(wishes),
            Err(error) => Err(vec![format!("signals cannot be received: {error}")]),
        }
    }

    /// While this is held the program does not end at once, however many signals come: the terminal
    /// is to be given back first.
    pub fn hold(&self) -> Hold<'_> {
        for &hurrier in &self.hurriers {
            unregister(hurrier);
        }
        Hold(&self.hurry)
    }
}

/// See [`Wishes::hold`].
pub struct Hold<'w>(&'w AtomicBool);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // With the screen the capture ends: whoever asks for that now asks again.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Catalogues that SIGHUP has had read again.
pub struct Renewals {
    signals: Signals,
}

/// How often a catalogue is read again in one run: verdicts point into those before, which
/// therefore stay, a few megabytes each.
const RENEWALS: usize = 256;

impl Renewals {
    /// From here on SIGHUP does not end the program.
    pub fn register() -> Result<Self, Errors> {
        let signals = Signals::new([SIGHUP])
            .map_err(|error| vec![format!("signals cannot be received: {error}")])?;
        Ok(Self { signals })
    }

    /// Begins to read; to be called when privileges were given up, because it takes a thread.
    pub fn start(mut self, places: Vec<PathBuf>) -> Result<Receiver<&'static Catalogue>, Errors> {
        let (newer, catalogues) = channel();
        let renew = move || {
            for _ in self.signals.forever().take(RENEWALS) {
                match read(&places) {
                    Ok(catalogue) => {
                        let newer_catalogue: &Catalogue = Box::leak(Box::new(catalogue));
                        // Nobody is there any more where the capture is over.
                        let _ = newer.send(newer_catalogue);
                        say(&format!(
                            "the catalogue was read again: {} services",
                            newer_catalogue.services().len()
                        ));
                    }
                    Err(errors) => {
                        errors.iter().for_each(|line| say(line));
                        say("the catalogue stays as it was");
                    }
                }
            }
            say("the catalogue was read again too often; start anew to have it read once more");
        };
        let thread = std::thread::Builder::new().name("renew".into()).spawn(renew);
        thread.map_err(|error| {
            vec![format!("the thread that reads catalogues again cannot be started: {error}")]
        })?;
        Ok(catalogues)
    }
}
