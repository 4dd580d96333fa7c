//! The networks of interfaces, by the addresses that the system gives them.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nameindex;
use nix::sys::socket::SockaddrStorage;

/// The names of the network interfaces; `None` where the system does not list them.
#[must_use]
pub fn interface_names() -> Option<Vec<String>> {
    let all = if_nameindex().ok()?;
    Some(all.iter().filter_map(|each| each.name().to_str().ok().map(str::to_owned)).collect())
}

/// The name of the interface that packets to an address would leave by. Sends none.
pub(super) fn interface_towards(remote: Ipv4Addr) -> Option<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((remote, 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    let is_own = |socket: &SockaddrStorage| address(socket) == Some(own);
    let mut interfaces = getifaddrs().ok()?;
    interfaces
        .find(|interface| interface.address.as_ref().is_some_and(is_own))
        .map(|interface| interface.interface_name)
}

/// The addresses of the interfaces with these names, or of all if one is `any`, each with the
/// number of bits of its network.
#[must_use]
pub fn networks(names: &[String]) -> Vec<(IpAddr, u8)> {
    let is_wanted = |name: &str| names.iter().any(|wanted| wanted == name || wanted == "any");
    getifaddrs()
        .into_iter()
        .flatten()
        .filter(|interface| is_wanted(&interface.interface_name))
        .filter_map(|interface| {
            let mask = address(&interface.netmask?)?;
            Some((address(&interface.address?)?, bits(mask)))
        })
        .collect()
}

fn address(socket: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = socket.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| socket.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// The leading ones of a mask.
const fn bits(mask: IpAddr) -> u8 {
    match mask {
        IpAddr::V4(v4) => v4.to_bits().leading_ones() as u8,
        IpAddr::V6(v6) => v6.to_bits().leading_ones() as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_the_network_of_loopback() {
        let loopback = ["lo", "lo0"].map(str::to_owned);
        for (address, bits) in networks(&loopback).into_iter().filter(|(a, _)| a.is_ipv4()) {
            assert!(address.is_loopback() && bits >= 8, "{address}/{bits}");
        }
        assert_eq!(networks(&["no such interface".to_owned()]), []);
        assert_eq!(bits("255.255.240.0".parse().unwrap()), 20);
    }
}
