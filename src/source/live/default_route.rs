//! The interface of the default route, as Linux lists routes: `/proc/net/route` (IPv4) and
//! `/proc/net/ipv6_route`; `Documentation/networking/proc_net_tcp.rst` and `net/ipv4/fib_trie.c`,
//! `net/ipv6/route.c` of the kernel.

use std::fs::read_to_string;
use std::net::Ipv4Addr;

use super::networks::interface_towards;

/// An address that no machine has, RFC 5737.
const ANYWHERE_ELSE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The route is usable.
const UP: u32 = 0x1;
/// The route refuses packets.
const REJECT: u32 = 0x200;

/// The name of the interface with the default route of the lowest metric, IPv4 before IPv6; where
/// the system does not list routes in `/proc`, that of the address from which it would send; `None`
/// where there is no default route.
#[must_use]
pub fn default_interface() -> Option<String> {
    let v4 = || of_ipv4(&read_to_string("/proc/net/route").ok()?);
    let v6 = || of_ipv6(&read_to_string("/proc/net/ipv6_route").ok()?);
    v4().or_else(v6).or_else(|| interface_towards(ANYWHERE_ELSE))
}

/// Columns: interface, destination, gateway, flags, references, use, metric in decimal, mask.
fn of_ipv4(table: &str) -> Option<String> {
    lowest(table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let &[interface, "00000000", _, flags, _, _, metric, "00000000", ..] = &columns[..] else {
            return None;
        };
        is_usable(flags).then_some((metric.parse().ok()?, interface))
    }))
}

/// Columns, all in hexadecimal: destination, its prefix length, source, its prefix length, next hop,
/// metric, references, use, flags, interface.
fn of_ipv6(table: &str) -> Option<String> {
    const ANYWHERE: &str = "00000000000000000000000000000000";
    lowest(table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let &[ANYWHERE, "00", _, _, _, metric, _, _, flags, interface] = &columns[..] else {
            return None;
        };
        is_usable(flags).then_some((u32::from_str_radix(metric, 16).ok()?, interface))
    }))
}

fn is_usable(flags: &str) -> bool {
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & (UP | REJECT) == UP)
}

/// The interface with the lowest metric; of equal ones the first.
fn lowest<'t>(routes: impl Iterator<Item = (u32, &'t str)>) -> Option<String> {
    routes.min_by_key(|&(metric, _)| metric).map(|(_, interface)| interface.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usable_default_route_of_the_lowest_metric_names_the_interface() {
        let table = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
tun0\t00000000\t0101A8C0\t0203\t0\t0\t0\t00000000\t0\t0\t0
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
vpn0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";
        assert_eq!(of_ipv4(table).as_deref(), Some("eth0"));
        assert_eq!(of_ipv4(table.lines().next().unwrap()), None);
        assert_eq!(of_ipv4("eth0\t00000000\n\u{fffd}"), None);
    }

    #[test]
    fn an_unreachable_default_route_of_ipv6_names_no_interface() {
        const ANYWHERE: &str = "00000000000000000000000000000000";
        const ROUTER: &str = "fe800000000000000000000000000001";
        let line = |prefix, metric, flags, interface| {
            format!(
                "{ANYWHERE} {prefix} {ANYWHERE} 00 {ROUTER} {metric} 00000001 00000000 {flags}     \
                 {interface}\n"
            )
        };
        let unreachable = line("00", "ffffffff", "00200200", "lo");
        assert_eq!(of_ipv6(&unreachable), None);
        let table = unreachable
            + &line("60", "00000001", "00000001", "sit0")
            + &line("00", "00000400", "00000003", "eth0")
            + &line("00", "00000064", "00000003", "wlan0");
        assert_eq!(of_ipv6(&table).as_deref(), Some("wlan0"));
    }
}
