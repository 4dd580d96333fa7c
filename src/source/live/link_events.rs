//! Word from the system that its interfaces have changed, as soon as they have.

use std::os::fd::BorrowedFd;

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Where it comes from. Where the system does not tell, looking from time to time has to do.
pub(super) struct LinkEvents {
    #[cfg(target_os = "linux")]
    socket: Option<OwnedFd>,
}

#[cfg(target_os = "linux")]
impl LinkEvents {
    /// The group of the kernel's messages about links: `man 7 rtnetlink`.
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

    /// To be polled.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Throws away what was said: that something was is enough.
    pub(super) fn drain(&self) {
        use nix::errno::Errno;
        use nix::sys::socket::{MsgFlags, recv};
        let Some(socket) = &self.socket else { return };
        // A message that does not fit is cut, and one that was lost is as good as one that came.
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
