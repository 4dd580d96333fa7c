//! What signals ask for.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use super::Errors;

/// What signals ask for.
pub struct Wishes {
    pub stop: Arc<AtomicBool>,
    pub tell: Arc<AtomicBool>,
}

impl Wishes {
    pub fn register() -> Result<Self, Errors> {
        let wishes = Self { stop: Arc::default(), tell: Arc::default() };
        let register = || {
            for signal in [SIGINT, SIGTERM] {
                // A second one ends the program at once, in case the report takes long.
                signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&wishes.stop))?;
                signal_hook::flag::register(signal, Arc::clone(&wishes.stop))?;
            }
            signal_hook::flag::register(SIGUSR1, Arc::clone(&wishes.tell))
        };
        match register() {
            Ok(_) => Ok(wishes),
            Err(error) => Err(vec![format!("signals cannot be received: {error}")]),
        }
    }
}
