//! The types that `detect`, `catalogue` and `classify` share: protocols, and what was recognised in
//! a flow.
//!
//! A [`Protocol`] is a wire format, a [`Fact`] is a value that was read from the bytes, a
//! [`Detection`] is one detector's answer and [`Evidence`] is what all detectors found in one flow.
//! Nothing here knows a port.

mod bit_set;
mod failure;
mod names;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use bit_set::{BitSet, words_for};
pub use failure::{Failure, FailureScope};

use crate::saved::{StaticText, by_name, static_text};

macro_rules! protocols {
    ($($variant:ident $id:literal,)*) => {
        /// A protocol. The ids are a contract of the machine output.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Protocol {
            $(#[doc = concat!("`", $id, "`")] $variant,)*
        }

        impl Protocol {
            /// Every protocol, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The id in catalogue files and output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// The protocol of that id.
            #[must_use]
            pub fn from_id(id: &str) -> Option<Self> {
                match id { $($id => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

// A new protocol stands before `Text`; the order decides nothing else that people see.
protocols! {
    Http "http", Http2 "http2", Websocket "websocket", Tls "tls", Quic "quic", Dns "dns",
    Mdns "mdns", Ssh "ssh", Osc "osc", Csta "csta", Sip "sip", Rtp "rtp", Stun "stun",
    Postgresql "postgresql", Mysql "mysql", Redis "redis", Mongodb "mongodb", Memcached "memcached",
    Mqtt "mqtt", Amqp "amqp", Nats "nats", Kafka "kafka", Grpc "grpc", Smtp "smtp", Imap "imap",
    Pop3 "pop3", Ftp "ftp", Ldap "ldap", Smb "smb", Rdp "rdp", Vnc "vnc", Ntp "ntp", Dhcp "dhcp",
    Snmp "snmp", Syslog "syslog", Netflow "netflow", Ipfix "ipfix", Bittorrent "bittorrent",
    Wireguard "wireguard", Iperf3 "iperf3", Ipa "ipa", Dis "dis", Hbci "hbci", Artnet "artnet",
    Sacn "sacn", Watchout "watchout", Rtsp "rtsp", Ssdp "ssdp", Llmnr "llmnr",
    WsDiscovery "ws-discovery", Dtls "dtls", Telnet "telnet", Opcua "opcua", Socks "socks",
    Pjlink "pjlink", Modbus "modbus", Dnp3 "dnp3", S7 "s7", Iec104 "iec104", Bacnet "bacnet",
    Rsync "rsync", Jdwp "jdwp", Dap "dap",
    Applemidi "applemidi",
    Citp "citp",
    Psn "psn",
    Atem "atem",
    Hyperdeck "hyperdeck",
    Videohub "videohub",
    Visca "visca",
    Dcerpc "dcerpc",
    Nbns "nbns",
    Kerberos "kerberos",
    Tftp "tftp",
    Ptp "ptp",
    Mgcp "mgcp",
    Sccp "sccp",
    Text "text",
}

by_name!(Protocol);

impl Protocol {
    /// The family of all services with this protocol, where there is just one.
    #[must_use]
    pub const fn family(self) -> Option<&'static str> {
        match self {
            Self::Osc => Some("osc"),
            Self::Csta => Some("csta"),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProtocolSet(BitSet<{ words_for(Protocol::ALL.len()) }>);

impl ProtocolSet {
    /// The set without protocols.
    pub const EMPTY: Self = Self(BitSet::EMPTY);

    /// Adds a protocol.
    pub const fn insert(&mut self, protocol: Protocol) {
        self.0.insert(protocol as usize);
    }

    /// Takes a protocol out.
    pub const fn remove(&mut self, protocol: Protocol) {
        self.0.remove(protocol as usize);
    }

    /// Adds every protocol of `other`.
    pub const fn unite(&mut self, other: Self) {
        self.0 = self.0.union(other.0);
    }

    /// Whether `protocol` is in the set.
    #[must_use]
    pub const fn contains(self, protocol: Protocol) -> bool {
        self.0.contains(protocol as usize)
    }
}

/// Written as the protocols that are in it: their numbers change with each version.
impl Serialize for ProtocolSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let protocols = Protocol::ALL.iter().filter(|&&protocol| self.contains(protocol));
        protocols.collect::<Vec<_>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProtocolSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = Self::EMPTY;
        let protocols = Vec::<Protocol>::deserialize(deserializer)?;
        protocols.into_iter().for_each(|protocol| set.insert(protocol));
        Ok(set)
    }
}

/// The side of a flow that sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// The side that opened the flow.
    Initiator,
    /// The side that was connected to: its port is the service port.
    Responder,
}

impl Direction {
    /// Both sides, the initiator first.
    pub const BOTH: [Self; 2] = [Self::Initiator, Self::Responder];

    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    /// The name in catalogue files and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

/// The name of a fact: a stem of the detector's, and the name of the header field where the
/// detector states a fact per header field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FactName {
    /// The detector's stem, such as `osc.address`, or `http.response-header` before the name of a
    /// header field.
    #[serde(with = "static_text")]
    pub stem: StaticText,
    /// The name of the header field in lower case, where the stem has many facts.
    pub leaf: Option<String>,
}

impl FactName {
    /// Whether this is the name that catalogue files and outputs write as `name`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let Some(leaf) = name.strip_prefix(self.stem) else { return false };
        match &self.leaf {
            None => leaf.is_empty(),
            Some(known) => leaf.strip_prefix('.').is_some_and(|leaf| leaf == known),
        }
    }
}

impl From<&'static str> for FactName {
    fn from(stem: &'static str) -> Self {
        Self { stem, leaf: None }
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.leaf {
            None => f.write_str(self.stem),
            Some(leaf) => write!(f, "{}.{leaf}", self.stem),
        }
    }
}

/// A value that was read from the bytes, and its place: value, direction and frame let a reader
/// check it in Wireshark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The name of the fact.
    pub name: FactName,
    /// Untrusted text from the wire; bytes that are not UTF-8 are replaced.
    pub value: String,
    /// The side that sent the value.
    pub direction: Direction,
    /// The number of the frame in which the value begins.
    pub frame: u64,
    /// The offset in a long value at which each later frame begins, and the frame's number.
    pub later: Vec<(usize, u64)>,
    /// The number of the exchange, a request and its response, that the fact belongs to, counted
    /// from 1; 0 where the protocol has no exchanges. The conditions of a mark must all hold in one
    /// exchange.
    pub exchange: u32,
}

impl Fact {
    /// The number of the frame that has the value's byte at `offset`.
    #[must_use]
    pub fn frame_at(&self, offset: usize) -> u64 {
        let after = self.later.partition_point(|&(from, _)| from <= offset);
        after.checked_sub(1).and_then(|i| self.later.get(i)).map_or(self.frame, |&(_, frame)| frame)
    }
}

/// The part that a side plays in a protocol, as its bytes show: who sends `GET` is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// The side that asks, or that sends one way.
    Client,
    /// The side that answers.
    Server,
}

/// The role that each side's bytes show, the initiator's first; `None` where they show neither.
pub type Roles = [Option<Role>; 2];

/// The sides whose bytes prove something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProvedBy {
    /// Only the initiator's bytes.
    Initiator,
    /// Only the responder's bytes.
    Responder,
    /// The bytes of both sides.
    Both,
}

impl ProvedBy {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
            Self::Both => "both",
        }
    }

    /// The sides for which `initiator` and `responder` hold; `None` if neither does.
    #[must_use]
    pub const fn from_sides(initiator: bool, responder: bool) -> Option<Self> {
        match (initiator, responder) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::Initiator),
            (false, true) => Some(Self::Responder),
            (false, false) => None,
        }
    }
}

/// What one detector recognised in an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognition {
    /// The protocol.
    pub protocol: Protocol,
    /// The facts that were read.
    pub facts: Vec<Fact>,
    /// The sides whose bytes are of the protocol; `None` stands for every side that sent any.
    pub proved_by: Option<ProvedBy>,
    /// The role that each side's bytes show.
    pub roles: Roles,
    /// Although clients of the protocol expect no answer, this one asked for one.
    pub awaits_answer: bool,
    /// The error that most answers are.
    pub failure: Option<Box<Failure>>,
}

impl Recognition {
    /// A recognition of `protocol` that shows no roles.
    #[must_use]
    pub const fn new(protocol: Protocol, facts: Vec<Fact>) -> Self {
        Self {
            protocol,
            facts,
            proved_by: None,
            roles: [None; 2],
            awaits_answer: false,
            failure: None,
        }
    }
}

/// One detector's answer about an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detection {
    /// The bytes are not of the protocol.
    No,
    /// The bytes may be of the protocol, but too few of them were captured so far.
    NeedMore,
    /// The bytes are of the protocol.
    Yes(Recognition),
    /// The bytes are of the protocol. A fact that is worth a short wait is still to come.
    Partly(Recognition),
}

/// How much a detector reads of an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The protocol alone: facts that take time to read may be left out.
    Protocol,
    /// The protocol and all facts.
    Facts,
}

/// What all detectors found in one flow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The protocol that was recognised.
    pub protocol: Option<Protocol>,
    /// The facts that were read.
    pub facts: Vec<Fact>,
    /// The sides whose bytes are of the protocol; `None` where no protocol was recognised.
    pub proved_by: Option<ProvedBy>,
    /// The role that each side's bytes show.
    pub roles: Roles,
    /// The client expects no answer: the protocol is one-way by design, and nothing was asked.
    pub one_way: bool,
    /// The error that most answers are; `None` where most are none, or none was seen.
    pub failure: Option<Box<Failure>>,
    /// The bytes were captured whole and from their beginning, over UDP in more than one datagram.
    pub whole: bool,
    /// Protocols that have a detector and that the bytes are not of.
    pub ruled_out: ProtocolSet,
    /// The number of the first frame with payload and the side that sent it; `None` where neither
    /// side sent any.
    pub first_payload: Option<(u64, Direction)>,
    /// Bytes that came twice and differ, if any did: no fact rests on them.
    pub tampered: Option<Tampered>,
    /// How much more of the flow is wanted.
    pub wanted: Wanted,
}

/// Two segments of one side that have other bytes at the same place, and nothing shows which of them
/// the receiver took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tampered {
    /// The side that seems to have sent both.
    pub direction: Direction,
    /// The numbers of their frames, the earlier first.
    pub frames: [u64; 2],
}

impl Evidence {
    /// Whether the roles that the bytes show are the reverse of the orientation of the opening.
    /// Where both sides show the same role, they decide nothing.
    #[must_use]
    pub fn is_reversed(&self) -> bool {
        matches!(
            self.roles,
            [Some(Role::Server), Some(Role::Client) | None] | [None, Some(Role::Client)]
        )
    }

    /// Whether the initiator's bytes are a server's: an answer or announcement to a group.
    #[must_use]
    pub fn announces(&self) -> bool {
        self.roles[0] == Some(Role::Server)
    }

    /// Whether the roles that the bytes show are those of the opening's orientation.
    #[must_use]
    pub fn is_oriented(&self) -> bool {
        matches!(
            self.roles,
            [Some(Role::Client), Some(Role::Server) | None] | [None, Some(Role::Server)]
        )
    }
}

/// How much more of a flow is worth hearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Wanted {
    /// Nothing: more bytes would add nothing.
    Nothing,
    /// More bytes: the protocol is not decided yet.
    #[default]
    More,
    /// All that fits the opening: the protocol is known, and later bytes may have facts. No
    /// inspection is needed before the opening is full.
    Everything,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_is_found_by_its_id_and_fits_the_set() {
        let mut set = ProtocolSet::default();
        for &protocol in Protocol::ALL {
            assert_eq!(Protocol::from_id(protocol.as_str()), Some(protocol));
            assert!(!set.contains(protocol));
            set.insert(protocol);
            assert!(set.contains(protocol));
        }
    }
}
