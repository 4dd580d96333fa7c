//! The system's socket table, asked by `sock_diag(7)`: a question about one socket takes
//! microseconds, while reading `/proc/net/tcp` walks the whole table.

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

/// The system answers at once; this ends the wait for an answer that was lost.
const PATIENCE: i64 = 1;
/// What the listeners of a port were stays good for this long.
const FRESH: Duration = Duration::from_secs(1);
/// Ports whose listeners are remembered.
const PORTS: usize = 1024;
/// Bytes of one answer; a dump comes in several.
const BUFFER: usize = 32 * 1024;

/// A socket in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) local: SocketAddr,
    pub(super) inode: u64,
    /// The user that made it.
    pub(super) user: u32,
    /// It has no peer: it listens, or takes datagrams from anybody.
    pub(super) open: bool,
}

/// The way to the table.
pub(super) struct Sockets {
    netlink: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    listeners: HashMap<(bool, u16), (Instant, Vec<Socket>)>,
}

impl Sockets {
    /// # Errors
    /// The system's reason.
    pub(super) fn open() -> Result<Self, String> {
        let fail = |errno: Errno| format!("the table of sockets cannot be asked: {}", errno.desc());
        let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
        let netlink = socket(family, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag)
            .map_err(fail)?;
        setsockopt(&netlink, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE, 0)).map_err(fail)?;
        Ok(Self { netlink, sequence: 0, buffer: vec![0; BUFFER], listeners: HashMap::new() })
    }

    /// The socket of a flow's end: the connection's own, else the one that listens; `None` where
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
        // For datagrams the kernel takes the two ends as they stand in a packet that the socket
        // receives.
        let (source, destination) = if udp { (remote, local) } else { (local, remote) };
        let found = self.exchange(udp, (source, destination), StateFlags::all(), NLM_F_REQUEST)?;
        let found = found.into_iter().find(|socket| socket.local.port() == local.port());
        // A closed connection lingers without a descriptor.
        if found.is_none_or(|socket| socket.inode == 0) && !udp {
            let nobody = SocketAddr::new(remote.ip(), 0);
            let listener = self
                .exchange(udp, (local, nobody), StateFlags::all(), NLM_F_REQUEST)?
                .into_iter()
                .next();
            return Ok(
                listener.filter(|socket| socket.inode != 0 && socket.local.port() == local.port())
            );
        }
        Ok(found.filter(|socket| socket.inode != 0))
    }

    /// All sockets that take what comes to a port, whatever their address, as they were within the
    /// last second.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn listeners(&mut self, udp: bool, port: u16) -> Result<&[Socket], String> {
        let fresh =
            self.listeners.get(&(udp, port)).is_some_and(|(when, _)| when.elapsed() < FRESH);
        if !fresh {
            let states = if udp { StateFlags::CLOSE } else { StateFlags::LISTEN };
            let mut sockets = Vec::new();
            for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
                let ends = (SocketAddr::new(any, port), SocketAddr::new(any, 0));
                sockets.extend(self.exchange(
                    udp,
                    ends,
                    states.clone(),
                    NLM_F_REQUEST | NLM_F_DUMP,
                )?);
            }
            sockets.retain(|socket| socket.local.port() == port && socket.inode != 0);
            if self.listeners.len() >= PORTS {
                self.listeners.clear();
            }
            self.listeners.insert((udp, port), (Instant::now(), sockets));
        }
        Ok(self.listeners.get(&(udp, port)).map_or(&[], |(_, sockets)| sockets))
    }

    /// Asks for one socket, or with [`NLM_F_DUMP`] for all from the same port in these states.
    fn exchange(
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
                // Not asked for: the kernel's "no cookie".
                cookie: [0xff; 8],
            },
        };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        let fail = |errno: Errno| format!("the table of sockets cannot be asked: {}", errno.desc());
        sendto(self.netlink.as_raw_fd(), &bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty())
            .map_err(fail)?;
        let mut sockets = Vec::new();
        loop {
            let length = match recv(self.netlink.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                other => other.map_err(fail)?,
            };
            let mut rest = &self.buffer[..length];
            while !rest.is_empty() {
                let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)
                    .map_err(|e| e.to_string())?;
                // Messages are aligned to four bytes.
                let taken = (message.header.length as usize).next_multiple_of(4);
                rest = rest.get(taken..).unwrap_or_default();
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
                        return if errno == Errno::ENOENT { Ok(sockets) } else { Err(fail(errno)) };
                    }
                    _ => {}
                }
            }
        }
    }
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
        let mut sockets = Sockets::open().unwrap();
        let mut find =
            |local, remote| sockets.find(false, local, remote).unwrap().map(|s| (s.inode, s.open));
        assert_eq!(find(server, near), Some((inode(&accepted), false)));
        assert_eq!(find(near, server), Some((inode(&client), false)));
        let stranger = "127.0.0.1:9".parse().unwrap();
        assert_eq!(find(server, stranger), Some((inode(&listener), true)));
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
        let mut sockets = Sockets::open().unwrap();
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
