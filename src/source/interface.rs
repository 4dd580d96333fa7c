//! A capture device, as lists show it.

use std::net::IpAddr;

/// A device on which frames can be captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The name that `-i` takes.
    pub name: String,
    /// The description that the system has of the device.
    pub description: Option<String>,
    /// Addresses with their prefix lengths, if known.
    pub addresses: Vec<(IpAddr, Option<u32>)>,
    /// `up` or `down`, and where the system reports it, `connected` and the like.
    pub state: Vec<&'static str>,
}
