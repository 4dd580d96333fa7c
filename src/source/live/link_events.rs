//! Events of the system about changed interfaces, as soon as they change.

use std::os::fd::BorrowedFd;

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The socket for link events. Without one, checks at intervals have to do.
pub(super) struct LinkEvents {
    #[cfg(target_os = "linux")]
    socket: Option<OwnedFd>,
}

#[cfg(target_os = "linux")]
impl LinkEvents {
    /// The multicast group for link messages: `man 7 rtnetlink`.
    const LINKS: u32 = 1;

    pub(super) fn subscribe() -> Self {
        use nix::sys::socket::{
            AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
        };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let open = || {
            let socket =
                socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
            bind(socket.as_raw_fd(), &NetlinkAddr::new(0, Self::LINKS))?;
            nix::Result::Ok(socket)
        };
        Self { socket: open().ok() }
    }

    /// The descriptor to be polled.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Discards the messages: their arrival is enough.
    pub(super) fn drain(&self) {
        use nix::errno::Errno;
        use nix::sys::socket::{MsgFlags, recv};
        let Some(socket) = &self.socket else { return };
        // A message that does not fit is cut, and a lost message counts like one that arrived.
        let mut message = [0; 64];
        while matches!(
            recv(socket.as_raw_fd(), &mut message, MsgFlags::empty()),
            Ok(1..) | Err(Errno::ENOBUFS | Errno::EINTR)
        ) {}
    }
}

#[cfg(not(target_os = "linux"))]
impl LinkEvents {
    pub(super) fn subscribe() -> Self {
        Self {}
    }

    #[allow(clippy::unused_self, reason = "one signature for all systems")]
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    #[allow(clippy::unused_self, reason = "one signature for all systems")]
    pub(super) fn drain(&self) {}
}
