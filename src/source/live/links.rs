//! The interfaces of the system, asked for over a socket that is opened before the sandbox: in it, no
//! socket can be opened and no file be read.

/// An interface of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Number of the interface; 0 where the system has none.
    pub(super) index: i32,
    pub(super) name: String,
    /// Hardware type, where the system states it. Frames of another type begin with other headers.
    pub(super) hardware: Option<u16>,
    pub(super) is_up: bool,
    pub(super) is_loopback: bool,
    /// Packets that the interface received and that the system has not got, because buffers of the
    /// interface were full.
    pub(super) missed: u64,
}

#[cfg(target_os = "linux")]
pub(super) use self::netlink::Links;

/// Whether the counters of interfaces are known, and libpcap counts as received what it delivers.
pub(super) const HAVE_COUNTERS: bool = cfg!(target_os = "linux");

/// Messages of `man 7 rtnetlink`.
#[cfg(target_os = "linux")]
mod netlink {
    use std::os::fd::{AsRawFd, OwnedFd};

    use nix::errno::Errno;
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
        sockopt,
    };
    use nix::sys::time::TimeVal;

    use super::Link;

    /// Seconds to wait for the kernel, which responds at once: the bound for a lost response.
    const TIMEOUT_SECONDS: i64 = 1;
    /// Bytes of one response; a list comes in several.
    const BUFFER_BYTES: usize = 32 << 10;
    /// Bytes of a message before its own header, and of that header (`struct ifinfomsg`).
    const MESSAGE_HEADER: usize = 16;
    const LINK_HEADER: usize = 16;
    /// `NLM_F_REQUEST | NLM_F_DUMP`.
    const LIST_ALL: u16 = 0x301;
    /// Types of messages.
    const DONE: u16 = 3;
    const NEW_LINK: u16 = 16;
    const GET_LINK: u16 = 18;
    /// Types of attributes.
    const NAME: u16 = 3;
    const STATISTICS: u16 = 23;
    /// Places of two counters in `struct rtnl_link_stats64`.
    const FIFO_ERRORS: usize = 14;
    const MISSED_ERRORS: usize = 15;

    /// The list of all interfaces.
    pub(in super::super) struct Links {
        socket: Option<OwnedFd>,
        sequence: u32,
        buffer: Vec<u8>,
    }

    impl Links {
        /// Opens the socket. Without one, the list is empty.
        pub(in super::super) fn open() -> Self {
            let open = || -> nix::Result<OwnedFd> {
                let (kind, flags) = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
                let socket =
                    socket(AddressFamily::Netlink, kind, flags, SockProtocol::NetlinkRoute)?;
                setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(TIMEOUT_SECONDS, 0))?;
                Ok(socket)
            };
            Self { socket: open().ok(), sequence: 0, buffer: vec![0; BUFFER_BYTES] }
        }

        /// All interfaces now; none where the system does not answer.
        pub(in super::super) fn list(&mut self) -> Vec<Link> {
            self.ask().unwrap_or_default()
        }

        fn ask(&mut self) -> Option<Vec<Link>> {
            let socket = self.socket.as_ref()?.as_raw_fd();
            self.sequence = self.sequence.wrapping_add(1);
            let mut request = [0; MESSAGE_HEADER + LINK_HEADER];
            let length = request.len() as u32;
            request[..4].copy_from_slice(&length.to_ne_bytes());
            request[4..6].copy_from_slice(&GET_LINK.to_ne_bytes());
            request[6..8].copy_from_slice(&LIST_ALL.to_ne_bytes());
            request[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
            send(socket, &request, MsgFlags::empty()).ok()?;
            let mut links = Vec::new();
            loop {
                let received = match recv(socket, &mut self.buffer, MsgFlags::empty()) {
                    Err(Errno::EINTR) => continue,
                    received => received.ok()?,
                };
                let mut rest = self.buffer.get(..received)?;
                while let Some((message, after)) = message(rest) {
                    rest = after;
                    // What is left of a list that was given up has another number.
                    match message {
                        NetlinkMessage { sequence, .. } if sequence != self.sequence => {}
                        NetlinkMessage { kind: NEW_LINK, body, .. } => links.extend(link(body)),
                        NetlinkMessage { kind: DONE, .. } => return Some(links),
                        NetlinkMessage { .. } => return None,
                    }
                }
            }
        }
    }

    struct NetlinkMessage<'m> {
        kind: u16,
        sequence: u32,
        body: &'m [u8],
    }

    /// The first message, and what comes after it.
    fn message(bytes: &[u8]) -> Option<(NetlinkMessage<'_>, &[u8])> {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        let (head, body) = bytes.get(..length)?.split_at_checked(MESSAGE_HEADER)?;
        let kind = u16::from_ne_bytes(*head[4..].first_chunk()?);
        let sequence = u32::from_ne_bytes(*head[8..].first_chunk()?);
        let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((NetlinkMessage { kind, sequence, body }, rest))
    }

    fn link(body: &[u8]) -> Option<Link> {
        let (head, mut attributes) = body.split_at_checked(LINK_HEADER)?;
        let hardware = u16::from_ne_bytes(*head[2..].first_chunk()?);
        let index = i32::from_ne_bytes(*head[4..].first_chunk()?);
        let flags = u32::from_ne_bytes(*head[8..].first_chunk()?).cast_signed();
        let (mut name, mut missed) = (None, 0);
        while let Some(length) = attributes.first_chunk() {
            let length = usize::from(u16::from_ne_bytes(*length));
            let kind = u16::from_ne_bytes(*attributes.get(2..)?.first_chunk()?);
            let value = attributes.get(4..length)?;
            match kind {
                NAME => {
                    let text = value.strip_suffix(&[0]).unwrap_or(value);
                    name = Some(String::from_utf8_lossy(text).into_owned());
                }
                STATISTICS => {
                    let counter = |at: usize| {
                        value.get(8 * at..).and_then(|rest| rest.first_chunk()).copied()
                    };
                    missed = [FIFO_ERRORS, MISSED_ERRORS]
                        .into_iter()
                        .filter_map(counter)
                        .map(u64::from_ne_bytes)
                        .sum();
                }
                _ => {}
            }
            attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(Link {
            index,
            name: name?,
            hardware: Some(hardware),
            is_up: flags & libc::IFF_UP != 0,
            is_loopback: flags & libc::IFF_LOOPBACK != 0,
            missed,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_list_has_every_interface_of_the_system_again_and_again() {
            let mut links = Links::open();
            let names = |list: Vec<Link>| -> Vec<String> {
                let mut names: Vec<_> = list.into_iter().map(|link| link.name).collect();
                names.sort();
                names
            };
            let mut expected: Vec<String> = std::fs::read_dir("/sys/class/net")
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| std::path::Path::new("/sys/class/net").join(name).is_dir())
                .collect();
            expected.sort();
            assert_eq!(names(links.list()), expected);
            let list = links.list();
            let loopback = list.iter().find(|link| link.is_loopback).unwrap();
            // ARPHRD_LOOPBACK.
            assert_eq!((&loopback.name[..], loopback.hardware), ("lo", Some(772)));
        }

        #[test]
        fn a_message_that_is_cut_off_anywhere_gives_no_interface_and_no_panic() {
            let name = [&[9, 0, 3, 0][..], b"eth0\0", &[0; 3]].concat();
            let head = [&[0, 0, 1, 0][..], &7_i32.to_ne_bytes(), &[1, 0, 0, 0], &[0; 4]].concat();
            let body = [head, name].concat();
            let found = link(&body).unwrap();
            assert_eq!((&found.name[..], found.index, found.is_up), ("eth0", 7, true));
            for length in 0..body.len() - 3 {
                assert_eq!(link(&body[..length]), None, "{length}");
                assert!(message(&body[..length]).is_none());
            }
        }
    }
}

/// The list of all interfaces.
#[cfg(not(target_os = "linux"))]
pub(super) struct Links;

#[cfg(not(target_os = "linux"))]
impl Links {
    pub(super) fn open() -> Self {
        Self
    }

    /// All interfaces now; none where the system does not answer.
    #[allow(clippy::unused_self, reason = "one signature for all systems")]
    pub(super) fn list(&mut self) -> Vec<Link> {
        use nix::net::if_::InterfaceFlags;
        let all = nix::ifaddrs::getifaddrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        let link = |interface: nix::ifaddrs::InterfaceAddress| Link {
            index: 0,
            is_up: interface.flags.contains(InterfaceFlags::IFF_UP),
            is_loopback: interface.flags.contains(InterfaceFlags::IFF_LOOPBACK),
            name: interface.interface_name,
            hardware: None,
            missed: 0,
        };
        all.into_iter().map(link).collect()
    }
}
