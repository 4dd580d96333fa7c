//! How often something costly may be done: so that it takes a small part of one core at most,
//! however much is asked.

use std::time::{Duration, Instant};

/// Rests this many times as long as the last one took: a twentieth of a core.
const REST: u32 = 19;
/// And never less than this, so that what is as good as new serves many questions.
const LEAST: Duration = Duration::from_millis(20);

/// When it may be done again.
pub(super) struct Budget {
    next: Instant,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { next: Instant::now() }
    }

    /// How long to wait until it may be done.
    pub(super) fn wait(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// It was done, from `start` until now.
    pub(super) fn spent(&mut self, start: Instant) {
        let now = Instant::now();
        self.next = now + now.saturating_duration_since(start).saturating_mul(REST).max(LEAST);
    }
}
