//! Wakes a classifier thread that sleeps because its channel is empty.
//!
//! The blocking receive of the channel polls several times before it sleeps. Batches of full-size
//! frames arrive further apart than that, and polling took a seventh of their CPU time
//! (`benches/README.md`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::{self, Thread};

/// Parks one thread until another one wakes it.
///
/// The waking thread first stores what the sleeper polls for, then calls [`wake`](Self::wake).
#[derive(Debug, Default)]
pub(super) struct Waker {
    is_asleep: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Waker {
    /// Wakes the sleeper, if it sleeps.
    pub(super) fn wake(&self) {
        // Each side writes before it reads, so that either the sleeper sees what was stored, or
        // this thread sees that the sleeper sleeps.
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed)
            && self.is_asleep.swap(false, Ordering::Relaxed)
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    /// Sleeps until `poll` returns something. Only one thread may ever call this.
    pub(super) fn wait<T>(&self, mut poll: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(found) = poll() {
                return found;
            }
            self.sleeper.get_or_init(thread::current);
            self.is_asleep.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if let Some(found) = poll() {
                self.is_asleep.store(false, Ordering::Relaxed);
                return found;
            }
            thread::park();
        }
    }
}
