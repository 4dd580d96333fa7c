//! Wakes a classifier that sleeps because it has nothing to do.
//!
//! The channel's own way to wait looks again and again before it sleeps. Batches of full-size
//! frames come further apart than that, and looking took a seventh of their CPU time
//! (`benches/README.md`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::{self, Thread};

/// One sleeps, another rings. Whoever has something for the sleeper puts it where it is found and
/// rings then.
#[derive(Debug, Default)]
pub(super) struct Bell {
    is_asleep: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Bell {
    /// Wakes the sleeper, if it sleeps.
    pub(super) fn ring(&self) {
        // Either the sleeper sees what was put there or this sees that it sleeps: each first
        // writes, then reads.
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed)
            && self.is_asleep.swap(false, Ordering::Relaxed)
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    /// Looks for something until it is there, and sleeps meanwhile. Always called by the same
    /// thread.
    pub(super) fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(found) = look() {
                return found;
            }
            self.sleeper.get_or_init(thread::current);
            self.is_asleep.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if let Some(found) = look() {
                self.is_asleep.store(false, Ordering::Relaxed);
                return found;
            }
            thread::park();
        }
    }
}
