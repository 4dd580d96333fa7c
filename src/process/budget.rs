//! A rate limit by cost: a task may use at most a fixed share of one core, however often it is
//! requested.

use std::time::{Duration, Instant};

/// The rest after a run, as a multiple of its duration: the task uses a twentieth of a core.
const REST: u32 = 19;
/// The shortest rest, so that one cheap run serves many requests.
const MIN_REST: Duration = Duration::from_millis(20);

/// When the task may run next.
pub(super) struct Budget {
    next: Instant,
}

impl Budget {
    /// The task may run at once.
    pub(super) fn new() -> Self {
        Self { next: Instant::now() }
    }

    /// The time until the task may run.
    pub(super) fn wait(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Records a run from `start` until now.
    pub(super) fn record(&mut self, start: Instant) {
        let now = Instant::now();
        self.next = now + now.saturating_duration_since(start).saturating_mul(REST).max(MIN_REST);
    }
}
