//! The tables of sockets of macOS and Windows.

use std::sync::Arc;

use listeners::{Process, Protocol, SocketState};

use super::holder::shortened;
use super::{Holder, Listener, ListeningProcess};
use crate::decode::Transport;

/// The sockets that listen on the ports that `wanted` accepts.
///
/// # Errors
/// The system's reason.
pub(super) fn listeners(wanted: &dyn Fn(u16) -> bool) -> Result<Vec<Listener>, String> {
    let found = listeners::get_all().map_err(|error| error.to_string())?;
    let listens = |one: &listeners::Listener| {
        one.protocol == Protocol::UDP || one.state == SocketState::Listen
    };
    let wanted = found.into_iter().filter(listens).filter(|one| wanted(one.socket.port()));
    let listener = |one: listeners::Listener| Listener {
        transport: if one.protocol == Protocol::TCP { Transport::Tcp } else { Transport::Udp },
        bound: one.socket,
        user: None,
        processes: process(one.process).into_iter().collect(),
    };
    Ok(wanted.map(listener).collect())
}

/// What the table says of a process.
fn process(process: Process) -> Option<ListeningProcess> {
    let holder = Holder {
        name: process.name,
        pid: i32::try_from(process.pid).ok()?,
        command: shortened(&[process.path]),
        user: String::new(),
        container: None,
    };
    Some(ListeningProcess { holder: Arc::new(holder), folder: None, started: None })
}
