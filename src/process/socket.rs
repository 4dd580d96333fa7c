//! The system's socket table, queried by `sock_diag(7)`: a query for one socket takes microseconds,
//! while reading `/proc/net/tcp` walks the whole table.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

/// Seconds to wait for the kernel, which responds at once: the bound for a lost response.
const TIMEOUT_SECONDS: i64 = 1;
/// How long the listeners of a port stay valid.
const FRESH: Duration = Duration::from_secs(1);
/// Ports whose listeners are cached.
const MAX_PORTS: usize = 1024;
/// Bytes of one netlink response; a dump comes in several.
const BUFFER_BYTES: usize = 32 * 1024;

/// A socket of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) local: SocketAddr,
    pub(super) inode: u64,
    /// The user who created the socket.
    pub(super) user: u32,
    /// Whether the socket has no peer: it listens, or receives datagrams from every address.
    pub(super) open: bool,
}

/// A connection to the kernel's socket table.
pub(super) struct SocketTable {
    netlink: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    listeners: HashMap<(bool, u16), (Instant, Vec<Socket>)>,
}

impl SocketTable {
    /// Opens the connection.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn open() -> Result<Self, String> {
        let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
        let netlink = socket(family, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag)
            .map_err(unavailable)?;
        setsockopt(&netlink, sockopt::ReceiveTimeout, &TimeVal::new(TIMEOUT_SECONDS, 0))
            .map_err(unavailable)?;
        Ok(Self { netlink, sequence: 0, buffer: vec![0; BUFFER_BYTES], listeners: HashMap::new() })
    }

    /// The socket of one end of a flow: the connection's own, else the listening one; `None` if
    /// there is neither.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn find(
        &mut self,
        udp: bool,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Option<Socket>, String> {
        // For UDP the kernel expects the two ends as in a packet that the socket receives.
        let (source, destination) = if udp { (remote, local) } else { (local, remote) };
        let found = self.query(udp, (source, destination), StateFlags::all(), NLM_F_REQUEST)?;
        let found = found.into_iter().find(|socket| socket.local.port() == local.port());
        // A closed connection lingers in the table without an inode.
        if found.is_none_or(|socket| socket.inode == 0) && !udp {
            let no_peer = SocketAddr::new(remote.ip(), 0);
            let listener = self
                .query(udp, (local, no_peer), StateFlags::all(), NLM_F_REQUEST)?
                .into_iter()
                .next();
            return Ok(
                listener.filter(|socket| socket.inode != 0 && socket.local.port() == local.port())
            );
        }
        Ok(found.filter(|socket| socket.inode != 0))
    }

    /// All sockets without a peer that are bound to a port, on any address; at most one second
    /// old.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn listeners(&mut self, udp: bool, port: u16) -> Result<&[Socket], String> {
        let is_fresh =
            self.listeners.get(&(udp, port)).is_some_and(|(when, _)| when.elapsed() < FRESH);
        if !is_fresh {
            let states = if udp { StateFlags::CLOSE } else { StateFlags::LISTEN };
            let mut sockets = Vec::new();
            for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
                let ends = (SocketAddr::new(any, port), SocketAddr::new(any, 0));
                sockets.extend(self.query(
                    udp,
                    ends,
                    states.clone(),
                    NLM_F_REQUEST | NLM_F_DUMP,
                )?);
            }
            sockets.retain(|socket| socket.local.port() == port && socket.inode != 0);
            if self.listeners.len() >= MAX_PORTS {
                self.listeners.clear();
            }
            self.listeners.insert((udp, port), (Instant::now(), sockets));
        }
        Ok(self.listeners.get(&(udp, port)).map_or(&[], |(_, sockets)| sockets))
    }

    /// Queries one socket, or with [`NLM_F_DUMP`] all sockets of the source port in these states.
    fn query(
        &mut self,
        udp: bool,
        (source, destination): (SocketAddr, SocketAddr),
        states: StateFlags,
        flags: u16,
    ) -> Result<Vec<Socket>, String> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let request = InetRequest {
            family: if source.is_ipv4() { AF_INET } else { AF_INET6 },
            protocol: if udp { IPPROTO_UDP } else { IPPROTO_TCP },
            extensions: ExtensionFlags::empty(),
            states,
            socket_id: SocketId {
                source_port: source.port(),
                destination_port: destination.port(),
                source_address: source.ip(),
                destination_address: destination.ip(),
                interface_id: 0,
                // The kernel's "no cookie": match any socket.
                cookie: [0xff; 8],
            },
        };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        sendto(self.netlink.as_raw_fd(), &bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty())
            .map_err(unavailable)?;
        let mut sockets = Vec::new();
        loop {
            let length = match recv(self.netlink.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                other => other.map_err(unavailable)?,
            };
            let mut rest = &self.buffer[..length];
            while !rest.is_empty() {
                let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)
                    .map_err(|e| e.to_string())?;
                // Netlink messages are aligned to four bytes.
                let message_len = (message.header.length as usize).next_multiple_of(4);
                rest = rest.get(message_len..).unwrap_or_default();
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                        let head = &response.header;
                        sockets.push(Socket {
                            local: SocketAddr::new(
                                head.socket_id.source_address,
                                head.socket_id.source_port,
                            ),
                            inode: head.inode.into(),
                            user: head.uid,
                            open: head.socket_id.destination_port == 0,
                        });
                        if flags & NLM_F_DUMP == 0 {
                            return Ok(sockets);
                        }
                    }
                    NetlinkPayload::Done(_) => return Ok(sockets),
                    NetlinkPayload::Error(error) => {
                        let errno = Errno::from_raw(error.raw_code().saturating_neg());
                        return if errno == Errno::ENOENT {
                            Ok(sockets)
                        } else {
                            Err(unavailable(errno))
                        };
                    }
                    _ => {}
                }
            }
        }
    }
}

fn unavailable(errno: Errno) -> String {
    format!("the socket table cannot be read: {}", errno.desc())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;

    use super::*;

    fn inode(socket: &impl AsFd) -> u64 {
        nix::sys::stat::fstat(socket.as_fd()).unwrap().st_ino
    }

    #[test]
    fn a_connections_ends_and_its_listener_are_three_sockets_with_their_inodes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let client = TcpStream::connect(server).unwrap();
        let (accepted, near) = listener.accept().unwrap();
        let mut sockets = SocketTable::open().unwrap();
        let mut find =
            |local, remote| sockets.find(false, local, remote).unwrap().map(|s| (s.inode, s.open));
        assert_eq!(find(server, near), Some((inode(&accepted), false)));
        assert_eq!(find(near, server), Some((inode(&client), false)));
        let other_peer = "127.0.0.1:9".parse().unwrap();
        assert_eq!(find(server, other_peer), Some((inode(&listener), true)));
        drop((client, accepted));
        assert_eq!(
            find(server, near),
            Some((inode(&listener), true)),
            "the connection is over, its listener is there"
        );
        drop(listener);
        assert_eq!(find(server, near), None);
    }

    #[test]
    fn datagram_sockets_are_found_on_both_sides_and_all_who_share_a_port_are_listed() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = receiver.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let near = sender.local_addr().unwrap();
        let mut sockets = SocketTable::open().unwrap();
        assert_eq!(
            sockets.find(true, port, near).unwrap().map(|s| s.inode),
            Some(inode(&receiver))
        );
        assert_eq!(sockets.find(true, near, port).unwrap().map(|s| s.inode), Some(inode(&sender)));
        let listed: Vec<_> =
            sockets.listeners(true, port.port()).unwrap().iter().map(|s| s.inode).collect();
        assert_eq!(listed, [inode(&receiver)]);
    }
}
