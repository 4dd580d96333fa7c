//! Waiting until sockets are ready. The standard library has no call for that on Windows: all of
//! them are tried, every few milliseconds.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Time between two trials while there are connections.
const BUSY: Duration = Duration::from_millis(5);
/// The same while there are none.
const QUIET: Duration = Duration::from_millis(50);

/// Waits a moment, and says that everything is ready: no socket waits when it is tried.
pub(super) fn wait<'s>(
    _: &TcpListener,
    streams: impl Iterator<Item = (&'s TcpStream, bool)>,
    timeout: Option<Duration>,
) -> (bool, Vec<bool>) {
    let ready: Vec<bool> = streams.map(|_| true).collect();
    let pause = if ready.is_empty() { QUIET } else { BUSY };
    thread::sleep(timeout.map_or(pause, |timeout| timeout.min(pause)));
    (true, ready)
}
