//! What a thread works, whatever else the machine does.

use std::time::Duration;

use crate::platform;

/// A point in the CPU time of a thread.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct ThreadClock(Duration);

impl ThreadClock {
    /// Now, for the calling thread.
    pub(in crate::pipeline) fn now() -> Self {
        // A system without such a clock counts no work.
        Self(platform::thread_time())
    }

    /// The CPU time of the calling thread since then, which was taken by the same thread.
    pub(in crate::pipeline) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_that_waits_does_not_work() {
        let (give, take) = channel();
        let begin = ThreadClock::now();
        // The other thread works until its clock says so; this one waits for it.
        let worker = thread::spawn(move || {
            let begin = ThreadClock::now();
            while begin.elapsed() < Duration::from_millis(50) {}
            give.send(()).unwrap();
        });
        take.recv().unwrap();
        worker.join().unwrap();
        assert!(begin.elapsed() < Duration::from_millis(40), "{:?}", begin.elapsed());
    }
}
