//! The sockets of this machine that listen now, by the system's tables.

use std::net::SocketAddr;

use super::{ListeningProcess, tables};
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
    let mut listeners =
        tables::listeners(&wanted).map_err(|reason| Error::new(ErrorKind::System, reason))?;
    listeners.sort();
    listeners.dedup();
    Ok(listeners)
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
