//! Whether an interface is there, and up.

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// What can be said of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It works, or it is `any`, which always does.
    Up,
    /// It is there, and nobody can send or receive on it.
    Down,
    /// There is no interface of that name.
    Away,
}

/// Looks it up. Where the system does not tell, nothing is wrong.
pub(super) fn presence(name: &str) -> Presence {
    if name == "any" {
        return Presence::Up;
    }
    let Ok(mut addresses) = getifaddrs() else { return Presence::Up };
    match addresses.find(|address| address.interface_name == name) {
        Some(address) if address.flags.contains(InterfaceFlags::IFF_UP) => Presence::Up,
        Some(_) => Presence::Down,
        None => Presence::Away,
    }
}
