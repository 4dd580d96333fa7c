//! The sockets of this machine that listen now, by the system's tables.

use std::net::SocketAddr;

use super::ListeningProcess;
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
    /// The user who made the socket; `None` where the system does not say.
    pub user: Option<String>,
    /// The processes that hold the socket, as far as this process may see them.
    pub processes: Vec<ListeningProcess>,
}

/// From where a listening socket can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ListenScope {
    /// From this machine only.
    Loopback,
    /// By one address of this machine.
    Address,
    /// By every address of this machine.
    All,
}

impl ListenScope {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Address => "address",
            Self::All => "all",
        }
    }
}

impl Listener {
    /// From where the socket can be reached.
    #[must_use]
    pub fn scope(&self) -> ListenScope {
        let address = self.bound.ip().to_canonical();
        if address.is_unspecified() {
            ListenScope::All
        } else if address.is_loopback() {
            ListenScope::Loopback
        } else {
            ListenScope::Address
        }
    }
}

/// The sockets that listen, on the ports that `wanted` accepts; by transport and address.
///
/// # Errors
/// The system's reason.
pub fn listeners(wanted: impl Fn(u16) -> bool) -> Result<Vec<Listener>> {
    let mut listeners = read(&wanted).map_err(|reason| Error::new(ErrorKind::System, reason))?;
    listeners.sort();
    listeners.dedup();
    Ok(listeners)
}

#[cfg(target_os = "linux")]
fn read(wanted: &dyn Fn(u16) -> bool) -> Result<Vec<Listener>, String> {
    use std::collections::HashMap;

    use super::{descriptors::Descriptors, users::Users};
    use procfs::net::{TcpState, tcp, tcp6, udp, udp6};
    let mut sockets: Vec<(Transport, SocketAddr, u64, u32)> = Vec::new();
    // A machine without IPv6 has no table for it.
    for entries in [tcp().map_err(|error| error.to_string())?, tcp6().unwrap_or_default()] {
        let listening = entries.into_iter().filter(|entry| entry.state == TcpState::Listen);
        sockets.extend(
            listening.map(|entry| (Transport::Tcp, entry.local_address, entry.inode, entry.uid)),
        );
    }
    for entries in [udp().map_err(|error| error.to_string())?, udp6().unwrap_or_default()] {
        // A UDP socket without a peer receives from every address.
        let open = entries.into_iter().filter(|entry| entry.remote_address.port() == 0);
        sockets.extend(
            open.map(|entry| (Transport::Udp, entry.local_address, entry.inode, entry.uid)),
        );
    }
    sockets.retain(|(_, bound, ..)| wanted(bound.port()));
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut descriptors = Descriptors::new(Users::read());
    descriptors.scan();
    let mut known: HashMap<i32, ListeningProcess> = HashMap::new();
    let mut describe = |(transport, bound, inode, user)| {
        let holders = descriptors.holders(inode).iter();
        let processes = holders.map(|holder| {
            let process = known.entry(holder.pid);
            process.or_insert_with(|| ListeningProcess::read(holder)).clone()
        });
        Listener {
            transport,
            bound,
            processes: processes.collect(),
            user: Some(descriptors.user_name(user)),
        }
    };
    Ok(sockets.into_iter().map(&mut describe).collect())
}

#[cfg(not(target_os = "linux"))]
fn read(wanted: &dyn Fn(u16) -> bool) -> Result<Vec<Listener>, String> {
    let found = listeners::get_all().map_err(|error| error.to_string())?;
    Ok(found
        .into_iter()
        .filter(|l| {
            l.protocol == listeners::Protocol::UDP || l.state == listeners::SocketState::Listen
        })
        .filter(|l| wanted(l.socket.port()))
        .map(|l| Listener {
            transport: if l.protocol == listeners::Protocol::TCP {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            bound: l.socket,
            user: None,
            processes: ListeningProcess::from_system(l.process).into_iter().collect(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_our_own_is_found_with_its_process_its_folder_and_its_beginning() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let bound = socket.local_addr().unwrap();
        let listeners = listeners(|port| port == bound.port()).unwrap();
        let own = listeners.iter().find(|l| l.bound == bound).unwrap();
        assert_eq!((own.transport, own.scope()), (Transport::Tcp, ListenScope::Loopback));
        let [process] = &own.processes[..] else { panic!("{own:?}") };
        assert_eq!(process.holder.pid.cast_unsigned(), std::process::id());
        let here = std::env::current_dir().unwrap();
        assert_eq!(process.folder.as_deref(), here.to_str());
        assert_eq!(own.user, Some(process.holder.user.clone()));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let age = now.as_secs().cast_signed() - process.started.unwrap();
        assert!((0..86_400).contains(&age), "{age} s");
    }

    #[test]
    fn the_scope_is_what_the_socket_is_bound_to() {
        for (bound, scope) in [
            ("127.0.0.1:1", ListenScope::Loopback),
            ("127.0.0.53:1", ListenScope::Loopback),
            ("[::1]:1", ListenScope::Loopback),
            ("[::ffff:127.0.0.1]:1", ListenScope::Loopback),
            ("0.0.0.0:1", ListenScope::All),
            ("[::]:1", ListenScope::All),
            ("192.0.2.1:1", ListenScope::Address),
            ("[fe80::1]:1", ListenScope::Address),
        ] {
            let listener = Listener {
                transport: Transport::Tcp,
                bound: bound.parse().unwrap(),
                user: None,
                processes: Vec::new(),
            };
            assert_eq!(listener.scope(), scope, "{bound}");
        }
    }
}
