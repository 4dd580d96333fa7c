//! Which interface a device is attached to, and how it gets back to one that went away and
//! returned.
//!
//! Linux asks for `CAP_NET_RAW` when a packet socket is made, not when it is bound (`man 7
//! packet`). So the socket that was opened with root's rights, its ring and its drop counters with
//! it, is bound anew long after they were given up.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

/// What became of an interface since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkChange {
    /// Nobody can send or receive on it.
    Down,
    /// It works again.
    Up,
    /// It has another name now, and the device is still attached to it.
    Renamed(String),
    /// There is no such interface any more.
    Away,
    /// It was away, and the device is attached to it again.
    Back,
    /// It cannot be had any more; why.
    Lost(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkState {
    Up,
    Down,
    Away,
}

impl LinkState {
    fn from_flags(interface: &InterfaceAddress) -> Self {
        if interface.flags.contains(InterfaceFlags::IFF_UP) { Self::Up } else { Self::Down }
    }
}

/// A device's interface at the last look.
pub(super) struct InterfaceBinding {
    name: String,
    /// What kind of hardware it is: what comes from another kind begins with other headers.
    hardware: Option<u16>,
    loopback: bool,
    state: LinkState,
}

impl InterfaceBinding {
    /// That of an open device; `None` where it is no interface of the system's, such as `any`.
    pub(super) fn new(device: BorrowedFd<'_>, name: &str) -> Option<Self> {
        let all = interfaces();
        let interface = system::bound_to(device, name, &all)?;
        let loopback = interface.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        Some(Self {
            name: name.to_owned(),
            hardware: system::hardware(interface),
            loopback,
            state: LinkState::from_flags(interface),
        })
    }

    /// Whether what is sent on it comes in on it.
    pub(super) const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// What the interface is called now, or was when it went.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Looks what became of it, and attaches the device again to an interface that returned.
    pub(super) fn check_link(
        &mut self,
        device: BorrowedFd<'_>,
        all: &[InterfaceAddress],
        promiscuous: bool,
    ) -> Option<LinkChange> {
        // Where the system does not tell, nothing is wrong.
        if all.is_empty() {
            return None;
        }
        let Some(interface) = system::bound_to(device, &self.name, all) else {
            return self.rebind(device, all, promiscuous);
        };
        let before = std::mem::replace(&mut self.state, LinkState::from_flags(interface));
        if interface.interface_name != self.name {
            self.name.clone_from(&interface.interface_name);
            return Some(LinkChange::Renamed(self.name.clone()));
        }
        match (before, self.state) {
            (LinkState::Up, LinkState::Down) => Some(LinkChange::Down),
            (LinkState::Down, LinkState::Up) => Some(LinkChange::Up),
            _ => None,
        }
    }

    /// Nothing is attached to the device: looks whether there is something of the name.
    fn rebind(
        &mut self,
        device: BorrowedFd<'_>,
        all: &[InterfaceAddress],
        promiscuous: bool,
    ) -> Option<LinkChange> {
        // What is in the list under its name may be what has just gone: the next look tells.
        if std::mem::replace(&mut self.state, LinkState::Away) != LinkState::Away {
            return Some(system::gone());
        }
        let interface = system::named(&self.name, all)?;
        if system::hardware(interface) != self.hardware {
            return Some(LinkChange::Lost("came back as another kind of interface".into()));
        }
        match system::bind_again(device, &self.name, all, promiscuous) {
            Ok(()) => {
                self.state = LinkState::from_flags(interface);
                Some(LinkChange::Back)
            }
            // It went while it was looked at.
            Err(Errno::ENODEV) => None,
            Err(Errno::EADDRNOTAVAIL) => {
                let reason = "came back and has no hardware address, without which it cannot be had back (`-i any` can)";
                Some(LinkChange::Lost(reason.into()))
            }
            Err(error) => Some(LinkChange::Lost(format!(
                "came back and cannot be captured on: {}",
                error.desc()
            ))),
        }
    }
}

/// The system's interfaces, once for each of their addresses; empty where it does not tell.
pub(super) fn interfaces() -> Vec<InterfaceAddress> {
    getifaddrs().map(Iterator::collect).unwrap_or_default()
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::{AsRawFd, BorrowedFd};

    use nix::errno::Errno;
    use nix::ifaddrs::InterfaceAddress;
    use nix::net::if_::if_indextoname;
    use nix::sys::socket::sockopt::SetStruct;
    use nix::sys::socket::{SetSockOpt, SockaddrStorage, bind, getsockname};

    use super::LinkChange;

    /// What it means that an interface is gone: it may come back.
    pub(super) fn gone() -> LinkChange {
        LinkChange::Away
    }

    /// Has a packet socket see what it is not the receiver of.
    #[derive(Clone)]
    struct Membership;

    nix::setsockopt_impl!(
        Membership,
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        libc::packet_mreq,
        SetStruct<libc::packet_mreq>
    );

    /// The interface that the device's socket is bound to, whatever its name is by now.
    pub(super) fn bound_to<'a>(
        device: BorrowedFd<'_>,
        _: &str,
        all: &'a [InterfaceAddress],
    ) -> Option<&'a InterfaceAddress> {
        // The system's answer is shorter than a whole link address, which only this type takes.
        let bound =
            getsockname::<SockaddrStorage>(device.as_raw_fd()).ok()?.as_link_addr()?.ifindex();
        named(if_indextoname(bound as libc::c_uint).ok()?.to_str().ok()?, all)
    }

    pub(super) fn named<'a>(
        name: &str,
        all: &'a [InterfaceAddress],
    ) -> Option<&'a InterfaceAddress> {
        all.iter().find(|interface| interface.interface_name == name)
    }

    pub(super) fn hardware(interface: &InterfaceAddress) -> Option<u16> {
        std::fs::read_to_string(format!("/sys/class/net/{}/type", interface.interface_name))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// The address says no protocol: the socket goes on with that which libpcap chose.
    pub(super) fn bind_again(
        device: BorrowedFd<'_>,
        name: &str,
        all: &[InterfaceAddress],
        promiscuous: bool,
    ) -> Result<(), Errno> {
        let link =
            |interface: &InterfaceAddress| interface.address.as_ref()?.as_link_addr().copied();
        // The system tells none of tunnels, and none can be made of their index without unsafe
        // code.
        let link = all
            .iter()
            .filter(|interface| interface.interface_name == name)
            .find_map(link)
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

/// Elsewhere a device that lost its interface stays without.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::os::fd::BorrowedFd;

    use nix::ifaddrs::InterfaceAddress;

    use super::LinkChange;

    pub(super) fn gone() -> LinkChange {
        LinkChange::Lost("went away".into())
    }

    pub(super) fn bound_to<'a>(
        _: BorrowedFd<'_>,
        name: &str,
        all: &'a [InterfaceAddress],
    ) -> Option<&'a InterfaceAddress> {
        named(name, all)
    }

    pub(super) fn named<'a>(
        name: &str,
        all: &'a [InterfaceAddress],
    ) -> Option<&'a InterfaceAddress> {
        all.iter().find(|interface| interface.interface_name == name)
    }

    pub(super) fn hardware(_: &InterfaceAddress) -> Option<u16> {
        None
    }

    pub(super) fn bind_again(
        _: BorrowedFd<'_>,
        _: &str,
        _: &[InterfaceAddress],
        _: bool,
    ) -> nix::Result<()> {
        Err(nix::errno::Errno::ENOTSUP)
    }
}
