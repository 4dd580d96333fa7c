//! Standard input that does not block: a pipe on which nothing comes must not outlast SIGINT nor leave SIGUSR1 unanswered.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Milliseconds that a read waits.
const PATIENCE: u16 = 100;

/// Ends when `stop` is set; a read of which nothing came fails with `WouldBlock`.
pub(super) struct Stdin {
    pub(super) stop: Arc<AtomicBool>,
}

impl Read for Stdin {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        if self.stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], PollTimeout::from(PATIENCE)) {
            Ok(0) | Err(Errno::EINTR) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(_) => stdin.lock().read(into),
            Err(error) => Err(error.into()),
        }
    }
}
