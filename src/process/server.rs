//! The server of the helper process: reads requests from the capturing process and replies from the
//! system's tables.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::IpAddr;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use super::descriptors::Descriptors;
use super::messages::{LookupReply, LookupRequest, LookupResult, MAX_LINE};
use super::socket::{Socket, SocketTable};
use super::users::Users;
use super::{Ground, Holder, Unknown};
use crate::helper_process::HelperConnection;
use crate::{Error, ErrorKind, Result};

/// The most requests that share one scan of the processes.
const MAX_BATCH: usize = 1024;
/// How long the machine's addresses stay valid.
const FRESH: Duration = Duration::from_secs(1);

/// Replies to requests until the other side closes the connection.
pub(super) fn serve(connection: HelperConnection) -> Result<()> {
    let reader = BufReader::new(connection.try_clone().map_err(|error| system_error(&error))?);
    let (sender, requests) = sync_channel(MAX_BATCH);
    let reading =
        thread::spawn(move || read_requests(reader, |request| sender.send(request).is_ok()));
    let mut server = LookupServer::new();
    let mut out = BufWriter::new(connection);
    while let Ok(first) = requests.recv() {
        let batch: Vec<_> =
            std::iter::once(first).chain(requests.try_iter()).take(MAX_BATCH).collect();
        for reply in server.reply_to(&batch) {
            let text = serde_json::to_string(&reply).map_err(|error| system_error(&error))?;
            if writeln!(out, "{text}").is_err() {
                return Ok(());
            }
        }
        if out.flush().is_err() {
            return Ok(());
        }
    }
    reading.join().map_err(|_| system_error(&"lookup requests cannot be read"))?
}

fn system_error(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::System, error.to_string())
}

/// Passes each line of `from` to `take` as a request, until the input ends or `take` returns false.
fn read_requests(
    mut from: impl BufRead,
    mut take: impl FnMut(LookupRequest) -> bool,
) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = from
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| system_error(&error))?;
        if length == 0 {
            return Ok(());
        }
        let request = serde_json::from_slice(&line).map_err(|error| {
            Error::new(ErrorKind::Input, format!("not a lookup request: {error}"))
        })?;
        if !take(request) {
            return Ok(());
        }
    }
}

/// The outcome of the first step of a lookup, which finds sockets.
enum SocketLookup {
    /// The lookup needs no second step.
    Done(LookupResult),
    /// Sockets whose holders are to be found. The first is the one that was requested.
    Found(Vec<Socket>, Ground),
}

struct LookupServer {
    sockets: Result<SocketTable, String>,
    descriptors: Descriptors,
    /// The addresses of this machine's interfaces, and when they were read.
    addresses: Option<(Instant, HashSet<IpAddr>)>,
}

impl LookupServer {
    fn new() -> Self {
        Self {
            sockets: SocketTable::open(),
            descriptors: Descriptors::new(Users::read()),
            addresses: None,
        }
    }

    /// Finds the sockets of all requests first, because sockets are short-lived, then the holders.
    fn reply_to(&mut self, requests: &[LookupRequest]) -> Vec<LookupReply> {
        let lookups: Vec<_> = requests.iter().map(|request| self.find_sockets(request)).collect();
        let found = lookups.iter().flat_map(|lookup| match lookup {
            SocketLookup::Done(_) => &[],
            SocketLookup::Found(sockets, _) => sockets.as_slice(),
        });
        if !self.descriptors.covers(found.map(|socket| socket.inode)) {
            thread::sleep(self.descriptors.wait());
            self.descriptors.scan();
        }
        let replies = requests.iter().zip(lookups).map(|(request, lookup)| {
            let result = match lookup {
                SocketLookup::Done(result) => result,
                SocketLookup::Found(sockets, ground) => {
                    self.find_holders(request, &sockets, ground)
                }
            };
            LookupReply { id: request.id, result }
        });
        replies.collect()
    }

    fn find_sockets(&mut self, request: &LookupRequest) -> SocketLookup {
        let &LookupRequest { udp, local, remote, .. } = request;
        let is_multicast = udp && is_multicast_or_broadcast(local.ip());
        if !is_multicast && !self.is_local(local.ip()) {
            return SocketLookup::Done(LookupResult::Elsewhere);
        }
        let sockets = match &mut self.sockets {
            Ok(sockets) => sockets,
            Err(reason) => {
                let unknown = Unknown::Silent(reason.clone());
                return SocketLookup::Done(LookupResult::Unknown(unknown));
            }
        };
        let found = if is_multicast { Ok(None) } else { sockets.find(udp, local, remote) };
        let found = found.and_then(|found| {
            if is_multicast || found.is_some_and(|socket| socket.open) {
                // Several sockets may share a port (SO_REUSEPORT), and a multicast datagram reaches
                // every socket that receives it.
                let is_alike =
                    |socket: &&Socket| found.is_none_or(|found| found.local == socket.local);
                let all: Vec<_> = sockets
                    .listeners(udp, local.port())?
                    .iter()
                    .filter(is_alike)
                    .copied()
                    .collect();
                return Ok(if all.is_empty() { found.into_iter().collect() } else { all });
            }
            Ok(found.into_iter().collect::<Vec<_>>())
        });
        match found {
            Err(reason) => SocketLookup::Done(LookupResult::Unknown(Unknown::Silent(reason))),
            Ok(none) if none.is_empty() => SocketLookup::Done(LookupResult::Unknown(Unknown::Gone)),
            Ok(all) => {
                let is_own_socket = all.len() == 1 && (udp || !all[0].open);
                let ground = if is_own_socket { Ground::Socket } else { Ground::Listener };
                SocketLookup::Found(all, ground)
            }
        }
    }

    fn find_holders(
        &mut self,
        request: &LookupRequest,
        sockets: &[Socket],
        ground: Ground,
    ) -> LookupResult {
        let holders = self.holders_of(sockets);
        if !holders.is_empty() {
            return LookupResult::Known(holders, ground);
        }
        // The socket was closed between the two steps. The process that listens on its port has
        // accepted the connection, or passed it to a process that did.
        let again = match &mut self.sockets {
            Ok(sockets) => sockets.find(request.udp, request.local, request.remote).ok(),
            Err(_) => None,
        };
        let listener = again.flatten().filter(|socket| socket.open);
        let holders = listener.map_or_else(Vec::new, |listener| self.holders_of(&[listener]));
        if !holders.is_empty() {
            return LookupResult::Known(holders, Ground::Listener);
        }
        LookupResult::Unknown(match (again, sockets.first()) {
            (Some(None), _) | (_, None) => Unknown::Gone,
            (_, Some(socket)) if self.descriptors.has_hidden() => {
                Unknown::Hidden(self.descriptors.user_name(socket.user))
            }
            _ => Unknown::Nobody,
        })
    }

    /// The processes that hold any of these sockets, by their ids.
    fn holders_of(&self, sockets: &[Socket]) -> Vec<Holder> {
        let mut holders: Vec<Holder> = Vec::new();
        for holder in sockets.iter().flat_map(|socket| self.descriptors.holders(socket.inode)) {
            if !holders.contains(holder) {
                holders.push((**holder).clone());
            }
        }
        holders.sort_by_key(|holder| holder.pid);
        holders
    }

    /// Whether an address, or broadcast address, is of one of this machine's interfaces.
    fn is_local(&mut self, address: IpAddr) -> bool {
        if address.is_loopback() {
            return true;
        }
        if self.addresses.as_ref().is_none_or(|(when, _)| when.elapsed() > FRESH) {
            let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
            let both = all.flat_map(|interface| [interface.address, interface.broadcast]).flatten();
            let ip = both.filter_map(|address| {
                let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
                v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
            });
            self.addresses = Some((Instant::now(), ip.collect()));
        }
        self.addresses.as_ref().is_some_and(|(_, all)| all.contains(&address))
    }
}

fn is_multicast_or_broadcast(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(udp: bool, local: std::net::SocketAddr, remote: &str) -> LookupResult {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let server = thread::spawn(move || serve(theirs));
        let request = LookupRequest { id: 7, udp, local, remote: remote.parse().unwrap() };
        writeln!(&ours, "{}", serde_json::to_string(&request).unwrap()).unwrap();
        let mut line = String::new();
        BufReader::new(&ours).read_line(&mut line).unwrap();
        drop(ours);
        server.join().unwrap().unwrap();
        let reply: LookupReply = serde_json::from_str(&line).unwrap();
        assert_eq!(reply.id, 7);
        reply.result
    }

    #[test]
    fn a_listener_is_found_with_its_process_and_a_closed_one_is_gone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let LookupResult::Known(holders, Ground::Listener) = lookup(false, local, "127.0.0.1:9")
        else {
            panic!("not known")
        };
        assert_eq!(
            holders.iter().map(|h| h.pid.cast_unsigned()).collect::<Vec<_>>(),
            [std::process::id()]
        );
        drop(listener);
        assert_eq!(lookup(false, local, "127.0.0.1:9"), LookupResult::Unknown(Unknown::Gone));
        let foreign = "192.0.2.1:80".parse().unwrap();
        assert_eq!(lookup(false, foreign, "127.0.0.1:9"), LookupResult::Elsewhere);
    }

    #[test]
    fn two_sockets_that_share_a_port_are_both_found() {
        use nix::sys::socket::{
            AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt,
            socket, sockopt,
        };
        use std::os::fd::AsRawFd;
        let shared = |port: u16| {
            let fd =
                socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
            setsockopt(&fd, sockopt::ReusePort, &true).unwrap();
            bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
            listen(&fd, Backlog::new(1).unwrap()).unwrap();
            std::net::TcpListener::from(fd)
        };
        let first = shared(0);
        let local = first.local_addr().unwrap();
        let _second = shared(local.port());
        // This process holds both: it is named once, as a listener.
        let LookupResult::Known(holders, Ground::Listener) = lookup(false, local, "127.0.0.1:9")
        else {
            panic!("not known")
        };
        assert_eq!(holders.len(), 1);
    }

    #[test]
    fn a_connection_that_was_closed_meanwhile_is_attributed_to_its_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let mut server = LookupServer::new();
        server.descriptors.scan();
        let request =
            LookupRequest { id: 0, udp: false, local, remote: "127.0.0.1:9".parse().unwrap() };
        // No descriptor has an inode of zero.
        let closed = Socket { local, inode: 0, user: 0, open: false };
        let LookupResult::Known(holders, Ground::Listener) =
            server.find_holders(&request, &[closed], Ground::Socket)
        else {
            panic!("not known")
        };
        assert_eq!(
            holders.iter().map(|h| h.pid.cast_unsigned()).collect::<Vec<_>>(),
            [std::process::id()]
        );
    }

    #[test]
    fn an_invalid_request_ends_the_connection() {
        let mut taken = 0;
        let error = read_requests(&b"{\"id\":1}\n"[..], |_| {
            taken += 1;
            true
        })
        .unwrap_err();
        assert!(error.reason().contains("not a lookup request") && taken == 0, "{error}");
        let endless = vec![b'x'; 2 * MAX_LINE as usize];
        assert!(read_requests(&endless[..], |_| true).is_err());
        assert_eq!(read_requests(&b""[..], |_| true), Ok(()));
    }
}
