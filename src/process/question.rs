//! What goes between the two processes: a line of JSON each way.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Ground, Holder, Unknown};
use crate::decode::{Endpoint, Transport};

/// Bytes of a line that are read; a longer one ends the conversation.
pub(super) const LINE: u64 = 64 * 1024;

/// Whose is this socket?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    /// Comes back with the answer.
    pub(super) id: u64,
    pub(super) udp: bool,
    /// The socket's own end.
    pub(super) local: SocketAddr,
    /// The other end.
    pub(super) remote: SocketAddr,
}

impl Question {
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

/// What the system says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Said {
    /// The address is not of this machine.
    Elsewhere,
    Known(Vec<Holder>, Ground),
    Unknown(Unknown),
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) id: u64,
    pub(super) said: Said,
}
