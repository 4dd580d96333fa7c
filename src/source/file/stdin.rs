//! Standard input that can be interrupted: a pipe on which nothing comes must not outlast SIGINT.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Milliseconds between two looks at the wish to stop.
const LOOK: u16 = 100;

/// Ends when `stop` is set.
pub(super) struct Stdin {
    pub(super) stop: Arc<AtomicBool>,
}

impl Read for Stdin {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], PollTimeout::from(LOOK)) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return stdin.lock().read(into),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
