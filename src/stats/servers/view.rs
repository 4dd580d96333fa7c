//! A server as outputs read it.

use std::sync::Arc;

use super::Servers;
use super::anomalies::Anomaly;
use super::key::ServerKey;
use super::networks::ClientOrigin;
use super::row::{ANSWERED, HAS_DATA, NO_FRAME, ServerRow};
use super::texts::ServerText;
use crate::catalogue::Layer;
use crate::decode::ServicePort;
use crate::evidence::{Protocol, ProtocolSet};
use crate::flow::{Counts, Outcome};
use crate::process::Holder;
use crate::stats::Speaker;
use crate::time::Time;

/// Texts of each kind that are shown of a server.
const SHOWN: usize = 4;

/// A server.
#[derive(Debug, Clone)]
pub struct Server<'s> {
    /// Its endpoint.
    pub key: ServerKey,
    /// The services that were proved, the highest layer first, then by id: at most four.
    pub services: Vec<ProvedService<'s>>,
    protocols: ProtocolSet,
    /// The bytewise lowest products, at most four.
    pub products: &'s [ServerText],
    /// Further products, up to 12.
    pub products_more: usize,
    /// The bytewise lowest names that clients called it by, at most four.
    pub names: &'s [ServerText],
    /// Further names, up to 12.
    pub names_more: usize,
    /// The names that answers of DNS and its kin give to the endpoint, then those of its host: at
    /// most four.
    pub address_names: Vec<&'s ServerText>,
    /// Further such names, up to 12.
    pub address_names_more: usize,
    /// The first line of the earliest flow that was not recognised, or was plain text.
    pub first_line: Option<&'s ServerText>,
    /// Whether some flow has payload.
    pub has_data: bool,
    /// The number of its clients: exact up to 16, and up to 1,024 where a set of them is kept.
    pub clients: u64,
    /// The number of its flows, attempts that it did not answer excepted.
    pub flows: u64,
    /// The bytes that came from clients, and that came from the server.
    pub bytes: Counts,
    outcomes: [u32; ANSWERED.len()],
    /// The flows of each protocol that do not contradict the port.
    spoken: Vec<(Protocol, u64)>,
    /// Times of the first and of the last frame of its flows.
    pub seen: (Time, Time),
    /// The process that holds its socket, where it is known.
    pub process: Option<&'s Holder>,
    /// The first frame of the strongest proof of what it speaks, where it was read.
    pub proof_frame: Option<u64>,
    /// What is odd about it, in the order of the kinds.
    pub anomalies: &'s [Anomaly],
    /// The farthest client, and the first frame of such a one.
    pub farthest_client: (ClientOrigin, u64),
    /// The framings in which it answered, as bits.
    pub framings: u8,
}

impl Server<'_> {
    /// The protocols of its flows, in the order of their declaration.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> + '_ {
        Protocol::ALL.iter().copied().filter(|&protocol| self.protocols.contains(protocol))
    }

    /// The flows in which it speaks a protocol and does not contradict the port: those of the first
    /// speakers there, where there are more than are kept.
    #[must_use]
    pub fn flows_of(&self, protocol: Protocol) -> u64 {
        self.spoken.iter().filter(|(spoken, _)| *spoken == protocol).map(|(_, flows)| flows).sum()
    }

    /// Its flows by outcome, in the order of output.
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        let counts = ANSWERED.iter().zip(self.outcomes).map(|(&outcome, n)| (outcome, n.into()));
        counts.filter(|&(_, n)| n > 0)
    }
}

/// What a server speaks, read from its row without a copy: there may be thousands on a port.
#[derive(Clone, Copy)]
pub struct SpeakingServer<'s> {
    servers: &'s Servers,
    row: &'s ServerRow,
}

impl<'s> SpeakingServer<'s> {
    /// Its endpoint.
    #[must_use]
    pub const fn key(&self) -> ServerKey {
        self.row.key
    }

    /// Whether a service is proved there.
    #[must_use]
    pub fn proves(&self, id: &str) -> bool {
        let mut proofs = self.row.services.iter().flatten();
        proofs.any(|proof| *self.servers.services.get(proof.service).1 == *id)
    }

    /// Whether it is one of those that speak so on its port.
    #[must_use]
    pub fn is_speaker(&self, speaker: &Speaker) -> bool {
        speaker.unanswered.is_none()
            && match &speaker.service {
                Some(service) => self.proves(service.as_str()),
                None => self.speaks(speaker.protocol),
            }
    }

    /// Whether it speaks a protocol; `None` asks whether it speaks none.
    #[must_use]
    pub fn speaks(&self, protocol: Option<Protocol>) -> bool {
        protocol.map_or(self.row.protocols == ProtocolSet::EMPTY, |one| {
            self.row.protocols.contains(one)
        })
    }

    /// The bytewise lowest names that clients called it by.
    #[must_use]
    pub fn names(&self) -> &'s [ServerText] {
        self.servers.texts.get(self.row.key.rank()).1
    }
}

/// A service that was proved at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvedService<'s> {
    /// The id.
    pub id: &'s str,
    /// The layer.
    pub layer: Layer,
    /// The protocol that it was proved by, the first one of its family; `None` where the process
    /// alone proves it.
    pub protocol: Option<Protocol>,
    /// The first frame that proves it, where it was read.
    pub frame: Option<u64>,
}

/// The protocol that stands for all those that a client changes to on the same connection, or
/// chooses for the same requests: HTTP for HTTP/2 and WebSocket; else the protocol itself.
#[must_use]
pub const fn protocol_family(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::Http | Protocol::Http2 | Protocol::Websocket => Protocol::Http,
        other => other,
    }
}

impl Servers {
    /// The servers that are kept, ordered by their keys.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Server<'_>> {
        let mut rows: Vec<&ServerRow> = self.shown().collect();
        rows.sort_unstable_by_key(|row| row.key);
        rows.into_iter().map(|row| self.view(row))
    }

    /// The server with this key, if it is kept.
    #[must_use]
    pub fn get(&self, key: ServerKey) -> Option<Server<'_>> {
        self.slots.row_of(key).filter(|row| row.flows() > 0).map(|row| self.view(row))
    }

    /// What the server with this key speaks, if it is kept.
    #[must_use]
    pub fn speaking_at(&self, key: ServerKey) -> Option<SpeakingServer<'_>> {
        let row = self.slots.row_of(key).filter(|row| row.flows() > 0)?;
        Some(SpeakingServer { servers: self, row })
    }

    /// What the servers speak, in no particular order.
    pub fn speaking(&self) -> impl Iterator<Item = SpeakingServer<'_>> {
        self.shown().map(|row| SpeakingServer { servers: self, row })
    }

    /// The servers that speak a known protocol or have an anomaly, in no particular order.
    pub fn notable(&self) -> impl Iterator<Item = Server<'_>> {
        let speaks = |row: &ServerRow| {
            row.protocols != ProtocolSet::EMPTY || row.services.iter().any(Option::is_some)
        };
        // Few of the others have anomalies: these are looked up, not the others.
        let odd = self.anomalies.servers().filter_map(|key| self.slots.row_of(key));
        let odd = odd.filter(move |row| row.flows() > 0 && !speaks(row));
        self.shown().filter(move |row| speaks(row)).chain(odd).map(|row| self.view(row))
    }

    /// The framings in which each server that speaks OSC answered, as bits.
    pub fn answered_framings(&self) -> impl Iterator<Item = (ServicePort, u8)> {
        let framed = self.shown().filter(|row| row.framings != 0);
        framed.map(|row| (row.key.service_port(), row.framings))
    }

    /// A name of a server: one that a client asked for, else one that an answer gave the endpoint or
    /// its host. A claim, untrusted; nothing where names are not kept, have one or two characters, or
    /// say no more than the address.
    #[must_use]
    pub fn name_of(&self, key: ServerKey) -> Option<&str> {
        let (_, asked, _) = self.texts.get(key.rank());
        let mut names = asked.iter().chain(self.names.get(key)).filter(|_| self.has_names);
        names.find(|name| name.text.len() > 2 && !name.is_address()).map(|name| &*name.text)
    }

    /// The number of servers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shown().count()
    }

    /// A row without flows is of an endpoint that a flow in progress has shown.
    fn shown(&self) -> impl Iterator<Item = &ServerRow> {
        self.slots.rows().filter(|row| row.flows() > 0)
    }

    fn view<'s>(&'s self, row: &'s ServerRow) -> Server<'s> {
        let rank = row.key.rank();
        let (products, names, first_line) = self.texts.get(rank);
        let mut address_names: Vec<&ServerText> = self.names.get(row.key).collect();
        let address_names_more = address_names.len().saturating_sub(SHOWN);
        address_names.truncate(SHOWN);
        let shown = |texts: &'s [ServerText]| {
            let shown = texts.get(..SHOWN).unwrap_or(texts);
            (shown, texts.len() - shown.len())
        };
        let ((products, products_more), (names, names_more)) = (shown(products), shown(names));
        let mut services: Vec<ProvedService<'_>> = row
            .services
            .iter()
            .flatten()
            .map(|proof| {
                let (layer, id) = self.services.get(proof.service);
                let frame = Some(proof.frame).filter(|&frame| frame != NO_FRAME);
                ProvedService { id, layer: *layer, protocol: proof.protocol, frame }
            })
            .collect();
        services.sort_by_key(|service| (service.layer, service.id, service.protocol));
        let spoken = row.spoken.iter().flatten().filter_map(|spoken| {
            let protocol = self.speakers.get(spoken.speaker.speaker()).protocol?;
            Some((protocol, u64::from(spoken.flows.get())))
        });
        let mut spoken: Vec<_> = spoken.collect();
        spoken.sort_unstable();
        Server {
            spoken,
            key: row.key,
            services,
            protocols: row.protocols,
            products,
            products_more,
            names,
            names_more,
            address_names,
            address_names_more,
            first_line,
            has_data: row.flags & HAS_DATA != 0,
            clients: self.client_sets.count(rank).unwrap_or_else(|| row.clients.count()),
            flows: row.flows(),
            bytes: Counts { initiator: row.bytes[0], responder: row.bytes[1] },
            outcomes: row.outcomes,
            seen: (row.first, row.last),
            process: row.process.as_ref().map(Arc::as_ref),
            proof_frame: Some(row.proof_frame).filter(|&frame| frame != NO_FRAME),
            anomalies: self.anomalies.get(rank),
            farthest_client: (row.farthest, row.farthest_frame),
            framings: row.framings,
        }
    }
}
