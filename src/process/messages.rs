//! The messages between the capturing process and the helper process: one line of JSON each.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Ground, Holder, Unknown};
use crate::decode::{Endpoint, Transport};

/// The longest line that either side reads, in bytes; a longer one ends the connection.
pub(super) const MAX_LINE: u64 = 64 * 1024;

/// Asks which processes hold a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LookupRequest {
    /// Repeated in the reply.
    pub(super) id: u64,
    pub(super) udp: bool,
    /// The socket's own end.
    pub(super) local: SocketAddr,
    /// The other end.
    pub(super) remote: SocketAddr,
}

impl LookupRequest {
    pub(super) fn new(id: u64, transport: Transport, local: Endpoint, remote: Endpoint) -> Self {
        let address = |end: Endpoint| SocketAddr::new(end.address, end.port);
        Self {
            id,
            udp: transport == Transport::Udp,
            local: address(local),
            remote: address(remote),
        }
    }
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LookupResult {
    /// The address is not of this machine.
    Elsewhere,
    /// The processes that hold the socket, and how they were found.
    Known(Vec<Holder>, Ground),
    /// The address is of this machine, but no process can be named.
    Unknown(Unknown),
}

/// The reply to the request of the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LookupReply {
    pub(super) id: u64,
    pub(super) result: LookupResult,
}
