//! What listens on a port of this machine right now, by the system's own tables.

use std::net::SocketAddr;

use crate::decode::Transport;

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// TCP or UDP.
    pub transport: Transport,
    /// The address and port that it is bound to.
    pub bound: SocketAddr,
    /// Name and id of its process, where the system shows them to the caller.
    pub process: Option<(String, i32)>,
}

/// The sockets that listen on a port.
///
/// # Errors
/// One line with the system's reason.
pub fn on_port(port: u16) -> Result<Vec<Listener>, String> {
    let mut listeners: Vec<_> = all()?.into_iter().filter(|listener| listener.bound.port() == port).collect();
    listeners.sort();
    listeners.dedup();
    Ok(listeners)
}

#[cfg(target_os = "linux")]
fn all() -> Result<Vec<Listener>, String> {
    use procfs::net::{TcpState, tcp, tcp6, udp, udp6};
    let mut sockets: Vec<(Transport, SocketAddr, u64)> = Vec::new();
    // A machine without IPv6 has no table for it.
    for entries in [tcp().map_err(|error| error.to_string())?, tcp6().unwrap_or_default()] {
        let listening = entries.into_iter().filter(|entry| entry.state == TcpState::Listen);
        sockets.extend(listening.map(|entry| (Transport::Tcp, entry.local_address, entry.inode)));
    }
    for entries in [udp().map_err(|error| error.to_string())?, udp6().unwrap_or_default()] {
        // A UDP socket without a peer takes from anybody.
        let open = entries.into_iter().filter(|entry| entry.remote_address.port() == 0);
        sockets.extend(open.map(|entry| (Transport::Udp, entry.local_address, entry.inode)));
    }
    let owners = owners();
    let describe = |(transport, bound, inode)| Listener { transport, bound, process: owners.get(&inode).cloned() };
    Ok(sockets.into_iter().map(describe).collect())
}

/// The process that holds each socket, by the socket's inode; without root only those of the caller's.
#[cfg(target_os = "linux")]
fn owners() -> std::collections::HashMap<u64, (String, i32)> {
    use procfs::process::{FDTarget, all_processes};
    let mut owners = std::collections::HashMap::new();
    // A process may end, or be hidden, between any two of these questions: then it is left out.
    for process in all_processes().into_iter().flatten().flatten() {
        let (Ok(stat), Ok(descriptors)) = (process.stat(), process.fd()) else { continue };
        for descriptor in descriptors.flatten() {
            if let FDTarget::Socket(inode) = descriptor.target {
                owners.insert(inode, (stat.comm.clone(), process.pid));
            }
        }
    }
    owners
}

#[cfg(not(target_os = "linux"))]
fn all() -> Result<Vec<Listener>, String> {
    let found = listeners::get_all().map_err(|error| error.to_string())?;
    Ok(found
        .into_iter()
        .filter(|l| l.protocol == listeners::Protocol::UDP || l.state == listeners::SocketState::Listen)
        .map(|l| Listener {
            transport: if l.protocol == listeners::Protocol::TCP { Transport::Tcp } else { Transport::Udp },
            bound: l.socket,
            process: i32::try_from(l.process.pid).ok().map(|pid| (l.process.name, pid)),
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
        let listeners = on_port(bound.port()).unwrap();
        let own = listeners.iter().find(|l| l.bound == bound).unwrap();
        assert_eq!(own.transport, Transport::Tcp);
        assert_eq!(own.process.as_ref().unwrap().1, i32::try_from(std::process::id()).unwrap());
    }
}
