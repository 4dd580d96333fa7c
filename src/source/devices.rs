//! The capture devices of the machine.

use std::net::IpAddr;

#[cfg(feature = "pcap")]
use pcap::{ConnectionStatus, Device};

pub use super::interface::Interface;
#[cfg(feature = "pcap")]
use super::pcap_error::reason;
#[cfg(feature = "pcap")]
use crate::{Error, ErrorKind, Result};

/// Lists all devices, in the order of the system. Requires the feature `pcap`.
///
/// # Errors
/// libpcap cannot list them ([`ErrorKind::Input`]).
#[cfg(feature = "pcap")]
pub fn list() -> Result<Vec<Interface>> {
    let devices = Device::list()
        .map_err(|error| Error::new(ErrorKind::Input, reason(&error)).with_object("interfaces"))?;
    Ok(devices.into_iter().map(describe).collect())
}

/// The libpcap in use, with its version in the file name, if the system reports it: the file that
/// the process has mapped. Requires the feature `pcap`.
#[must_use]
#[cfg(feature = "pcap")]
pub fn library() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .filter_map(|line| line.split_once('/'))
        .map(|(_, path)| path)
        .find(|path| path.contains("libpcap"))?;
    let file = std::fs::canonicalize(format!("/{path}")).ok()?;
    Some(file.display().to_string())
}

#[cfg(feature = "pcap")]
fn describe(device: Device) -> Interface {
    let flags = &device.flags;
    let mut state = vec![if flags.is_up() { "up" } else { "down" }];
    if flags.is_running() {
        state.push("running");
    }
    if flags.is_loopback() {
        state.push("loopback");
    }
    if flags.is_wireless() {
        state.push("wireless");
    }
    match flags.connection_status {
        ConnectionStatus::Connected => state.push("connected"),
        ConnectionStatus::Disconnected => state.push("disconnected"),
        ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => {}
    }
    Interface {
        addresses: device.addresses.iter().map(|a| (a.addr, a.netmask.map(prefix_len))).collect(),
        name: device.name,
        description: device.desc,
        state,
    }
}

#[cfg(feature = "pcap")]
fn prefix_len(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    }
}
