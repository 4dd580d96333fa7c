//! The sockets that listen on a port of this machine now, by the system's tables.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Holder;
use crate::decode::Transport;
use crate::{Error, ErrorKind, Result};

/// A listening TCP socket, or a UDP socket without a peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Listener {
    /// TCP or UDP.
    pub transport: Transport,
    /// The address and port that the socket is bound to.
    pub bound: SocketAddr,
    /// The processes that hold the socket, as far as this process may see them.
    pub holders: Vec<Arc<Holder>>,
}

/// The sockets that listen on a port.
///
/// # Errors
/// The system's reason.
pub fn listeners_on(port: u16) -> Result<Vec<Listener>> {
    let mut listeners = read_all(port).map_err(|reason| Error::new(ErrorKind::System, reason))?;
    listeners.sort();
    listeners.dedup();
    Ok(listeners)
}

#[cfg(target_os = "linux")]
fn read_all(port: u16) -> Result<Vec<Listener>, String> {
    use super::{descriptors::Descriptors, users::Users};
    use procfs::net::{TcpState, tcp, tcp6, udp, udp6};
    let mut sockets: Vec<(Transport, SocketAddr, u64)> = Vec::new();
    // A machine without IPv6 has no table for it.
    for entries in [tcp().map_err(|error| error.to_string())?, tcp6().unwrap_or_default()] {
        let listening = entries.into_iter().filter(|entry| entry.state == TcpState::Listen);
        sockets.extend(listening.map(|entry| (Transport::Tcp, entry.local_address, entry.inode)));
    }
    for entries in [udp().map_err(|error| error.to_string())?, udp6().unwrap_or_default()] {
        // A UDP socket without a peer receives from every address.
        let open = entries.into_iter().filter(|entry| entry.remote_address.port() == 0);
        sockets.extend(open.map(|entry| (Transport::Udp, entry.local_address, entry.inode)));
    }
    sockets.retain(|(_, bound, _)| bound.port() == port);
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut descriptors = Descriptors::new(Users::read());
    descriptors.scan();
    let describe = |(transport, bound, inode)| Listener {
        transport,
        bound,
        holders: descriptors.holders(inode).to_vec(),
    };
    Ok(sockets.into_iter().map(describe).collect())
}

#[cfg(not(target_os = "linux"))]
fn read_all(port: u16) -> Result<Vec<Listener>, String> {
    let found = listeners::get_all().map_err(|error| error.to_string())?;
    let holder = |process: listeners::Process| {
        let pid = i32::try_from(process.pid).ok()?;
        Some(Arc::new(Holder {
            name: process.name,
            pid,
            command: process.path,
            user: String::new(),
            container: None,
        }))
    };
    Ok(found
        .into_iter()
        .filter(|l| {
            l.protocol == listeners::Protocol::UDP || l.state == listeners::SocketState::Listen
        })
        .filter(|l| l.socket.port() == port)
        .map(|l| Listener {
            transport: if l.protocol == listeners::Protocol::TCP {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            bound: l.socket,
            holders: holder(l.process).into_iter().collect(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_our_own_is_found_with_its_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let bound = socket.local_addr().unwrap();
        let listeners = listeners_on(bound.port()).unwrap();
        let own = listeners.iter().find(|l| l.bound == bound).unwrap();
        assert_eq!(own.transport, Transport::Tcp);
        assert_eq!(
            own.holders.iter().map(|h| h.pid.cast_unsigned()).collect::<Vec<_>>(),
            [std::process::id()]
        );
    }
}
