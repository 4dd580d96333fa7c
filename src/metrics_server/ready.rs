//! Waiting until sockets are ready: `man 2 poll`.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Waits until somebody wants to connect, one of the streams can be read, or written where that is
/// given, or the time is over. Returns whether somebody wants to connect, and which streams are ready.
pub(super) fn wait<'s>(
    listener: &TcpListener,
    streams: impl Iterator<Item = (&'s TcpStream, bool)>,
    timeout: Option<Duration>,
) -> (bool, Vec<bool>) {
    let mut waiting = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    waiting.extend(streams.map(|(stream, is_written)| {
        let flags = if is_written { PollFlags::POLLOUT } else { PollFlags::POLLIN };
        PollFd::new(stream.as_fd(), flags)
    }));
    let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
        // Rounded up, or the last millisecond is waited for in many pieces.
        PollTimeout::try_from(timeout + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    });
    // An interrupted wait has nothing ready.
    let is_any = poll(&mut waiting, timeout).is_ok_and(|ready| ready > 0);
    let mut ready = waiting.iter().map(|fd| is_any && fd.any().unwrap_or(true));
    (ready.next().unwrap_or(false), ready.collect())
}
