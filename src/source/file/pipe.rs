//! Non-blocking pipes, standard input among them: a pipe on which no byte comes must not outlast
//! SIGINT or leave SIGUSR1 unanswered.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::platform;

/// Milliseconds that a read waits.
const TIMEOUT: u16 = 100;

/// Ends when `stop` is set; a read without bytes fails with `WouldBlock`.
pub(super) struct Pipe {
    pub(super) input: File,
    pub(super) stop: Arc<AtomicBool>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        if platform::wait_for_bytes(&self.input, TIMEOUT)? {
            self.input.read(into)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}
