//! The binding of a device to its interface, and how it is restored after the interface went away
//! and came back.
//!
//! Linux requires `CAP_NET_RAW` to create a packet socket, not to bind it (`man 7 packet`). So the
//! socket that was opened as root, with its ring and its drop counters, can be bound again long
//! after the privileges were dropped.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;

pub(super) use self::system::{RIGHTS, bind_again};
use super::links::Link;

/// A change of an interface since the last check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkChange {
    /// The interface is down.
    Down,
    /// The interface is up again.
    Up,
    /// The interface has a new name; the device is still bound to it.
    Renamed(String),
    /// The interface does not exist any more.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only netlink tells"))]
    Away,
    /// The interface came back, and the device is bound to it again.
    Back,
    /// The interface is lost for good, for this reason.
    Lost(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkState {
    Up,
    Down,
    Away,
}

impl LinkState {
    const fn of(link: &Link) -> Self {
        if link.is_up { Self::Up } else { Self::Down }
    }
}

/// The interface of a device at the last check.
pub(super) struct InterfaceBinding {
    name: String,
    /// Hardware type. Frames of another type begin with other headers.
    hardware: Option<u16>,
    loopback: bool,
    state: LinkState,
}

impl InterfaceBinding {
    /// The binding of an open device; `None` if it has no interface of the system, such as `any`.
    pub(super) fn new(device: BorrowedFd<'_>, name: &str, all: &[Link]) -> Option<Self> {
        let link = system::bound_to(device, name, all)?;
        Some(Self {
            name: name.to_owned(),
            hardware: link.hardware,
            loopback: link.is_loopback,
            state: LinkState::of(link),
        })
    }

    /// Whether frames that are sent on the interface are received on it.
    pub(super) const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The current name of the interface, or its last one.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Checks the interface, and binds the device again, by `bind`, to one that came back.
    pub(super) fn check_link(
        &mut self,
        device: BorrowedFd<'_>,
        all: &[Link],
        bind: impl FnOnce(&str) -> Result<(), Errno>,
    ) -> Option<LinkChange> {
        // No list means that the system does not report interfaces, not that they are gone.
        if all.is_empty() {
            return None;
        }
        let Some(link) = system::bound_to(device, &self.name, all) else {
            return self.rebind(all, bind);
        };
        let before = std::mem::replace(&mut self.state, LinkState::of(link));
        if link.name != self.name {
            self.name.clone_from(&link.name);
            return Some(LinkChange::Renamed(self.name.clone()));
        }
        match (before, self.state) {
            (LinkState::Up, LinkState::Down) => Some(LinkChange::Down),
            (LinkState::Down, LinkState::Up) => Some(LinkChange::Up),
            _ => None,
        }
    }

    /// Binds a device that has no interface to the one that has its name, if there is one.
    fn rebind(
        &mut self,
        all: &[Link],
        bind: impl FnOnce(&str) -> Result<(), Errno>,
    ) -> Option<LinkChange> {
        // The list may still have the interface that has just gone: the next check is reliable.
        if std::mem::replace(&mut self.state, LinkState::Away) != LinkState::Away {
            return Some(system::gone());
        }
        let link = all.iter().find(|link| link.name == self.name)?;
        if link.hardware != self.hardware {
            return Some(LinkChange::Lost("came back as a different type of interface".into()));
        }
        match bind(&self.name) {
            Ok(()) => {
                self.state = LinkState::of(link);
                Some(LinkChange::Back)
            }
            // The interface went away during the check.
            Err(Errno::ENODEV) => None,
            Err(Errno::EADDRNOTAVAIL) => {
                let reason = "came back without a hardware address, so its capture cannot resume (with `-i any` it can)";
                Some(LinkChange::Lost(reason.into()))
            }
            Err(error) => Some(LinkChange::Lost(format!(
                "came back, but cannot be captured on: {}",
                error.desc()
            ))),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::{AsRawFd, BorrowedFd};

    use nix::errno::Errno;
    use nix::ifaddrs::getifaddrs;
    use nix::sys::socket::sockopt::SetStruct;
    use nix::sys::socket::{SetSockOpt, SockaddrStorage, bind, getsockname};

    use super::{Link, LinkChange};

    /// How a user gets the right to open a device.
    pub(in super::super) const RIGHTS: &str = "run with sudo, or grant the right once: \
        `sudo setcap cap_net_raw=ep $(command -v portlore)`";

    /// An interface that is gone may come back.
    pub(super) fn gone() -> LinkChange {
        LinkChange::Away
    }

    /// The socket option that makes a packet socket promiscuous.
    #[derive(Clone)]
    struct Membership;

    nix::setsockopt_impl!(
        Membership,
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        libc::packet_mreq,
        SetStruct<libc::packet_mreq>
    );

    /// The interface to which the socket of the device is bound, whatever its current name.
    pub(super) fn bound_to<'a>(
        device: BorrowedFd<'_>,
        _: &str,
        all: &'a [Link],
    ) -> Option<&'a Link> {
        // The answer is shorter than a whole link address; only this type accepts it.
        let address = getsockname::<SockaddrStorage>(device.as_raw_fd()).ok()?;
        let index = address.as_link_addr()?.ifindex();
        all.iter().find(|link| usize::try_from(link.index) == Ok(index))
    }

    /// The address names no protocol: the socket keeps the one that libpcap chose.
    pub(in super::super) fn bind_again(
        device: BorrowedFd<'_>,
        name: &str,
        promiscuous: bool,
    ) -> Result<(), Errno> {
        // The system reports no address for tunnels, and none can be made from the index without
        // unsafe code.
        let link = getifaddrs()?
            .filter(|interface| interface.interface_name == name)
            .find_map(|interface| interface.address?.as_link_addr().copied())
            .ok_or(Errno::EADDRNOTAVAIL)?;
        bind(device.as_raw_fd(), &link)?;
        if promiscuous {
            let everything = libc::packet_mreq {
                mr_ifindex: link.ifindex() as libc::c_int,
                mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            Membership.set(&device, &everything)?;
        }
        Ok(())
    }
}

/// On other systems a device that lost its interface cannot be bound again.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::os::fd::BorrowedFd;

    use super::{Link, LinkChange};

    /// How a user gets the right to open a device: a BPF device, `/dev/bpf0` and the like.
    pub(in super::super) const RIGHTS: &str =
        "run with sudo, or let Wireshark's installer (ChmodBPF) give your group /dev/bpf*";

    pub(super) fn gone() -> LinkChange {
        LinkChange::Lost("disappeared".into())
    }

    pub(super) fn bound_to<'a>(_: BorrowedFd<'_>, name: &str, all: &'a [Link]) -> Option<&'a Link> {
        all.iter().find(|link| link.name == name)
    }

    pub(in super::super) fn bind_again(_: BorrowedFd<'_>, _: &str, _: bool) -> nix::Result<()> {
        Err(nix::errno::Errno::ENOTSUP)
    }
}
