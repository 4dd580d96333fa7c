//! The end of the terminal: its window was closed, or its connection broke.
//!
//! Who has the controlling terminal is told by SIGHUP; others, and who ignores that, are not. The
//! library that reads the keys does not end in either case: it reads the end of the input over and
//! over, and returns no more.

use std::io::{self, PipeReader, PipeWriter, pipe, stdin};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::dup2_stdin;

/// Watches standard input, which is a terminal, on a thread of its own.
pub(super) struct HangupWatch {
    has_hung_up: Arc<AtomicBool>,
    /// The other end of what takes the place of the terminal; the thread ends when it is dropped.
    _silence: PipeWriter,
}

impl HangupWatch {
    /// Starts the thread.
    ///
    /// # Errors
    /// Those of the system, where it has no descriptor or no thread left.
    pub(super) fn start() -> io::Result<Self> {
        let (nothing, silence) = pipe()?;
        fcntl(&nothing, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let has_hung_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&has_hung_up);
        Builder::new().name("hangup".into()).spawn(move || {
            if hangs_up_before(&nothing) {
                flag.store(true, Ordering::SeqCst);
                // The reader of the keys may be at it already: from here on, it reads that there is
                // nothing yet. An error leaves it as it is.
                let _ = dup2_stdin(nothing);
            }
        })?;
        Ok(Self { has_hung_up, _silence: silence })
    }

    /// Whether the terminal is gone.
    pub(super) fn has_hung_up(&self) -> bool {
        self.has_hung_up.load(Ordering::SeqCst)
    }
}

/// Waits until the terminal hangs up; false if the pipe does so first, or a system cannot wait for
/// terminals.
fn hangs_up_before(nothing: &PipeReader) -> bool {
    let stdin = stdin();
    // A hang-up is told without being asked for.
    let mut both = [stdin.as_fd(), nothing.as_fd()].map(|fd| PollFd::new(fd, PollFlags::empty()));
    while poll(&mut both, PollTimeout::NONE) == Err(Errno::EINTR) {}
    let [terminal, _] = both.map(|end| end.revents().unwrap_or_else(PollFlags::empty));
    terminal.contains(PollFlags::POLLHUP)
}

/// Whether an error says that the terminal is gone.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EIO as i32)
}
