//! Non-blocking pipes, standard input among them: a pipe on which no byte comes must not outlast
//! SIGINT or leave SIGUSR1 unanswered.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Milliseconds that a read waits.
const TIMEOUT: u16 = 100;

/// Ends when `stop` is set; a read without bytes fails with `WouldBlock`.
pub(super) struct Pipe<R> {
    pub(super) input: R,
    pub(super) stop: Arc<AtomicBool>,
}

impl<R: Read + AsFd> Read for Pipe<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        match poll(
            &mut [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)],
            PollTimeout::from(TIMEOUT),
        ) {
            Ok(0) | Err(Errno::EINTR) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(_) => self.input.read(into),
            Err(error) => Err(error.into()),
        }
    }
}
