//! What of a server deserves a look: kept beside the rows, for few servers have any.
//!
//! Of each server the [`PER_SERVER`] first anomalies in the order of their kinds are kept, and of
//! each kind the one with the earliest frame; of all servers together those of the `limit` first
//! ones in the order of ranks. A server that has left has `limit` others before it, and these stay:
//! the table is the same for every order of flows and every number of workers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key::{ServerKey, ServerRank};
use crate::classify::{Candidate, SharedStr};
use crate::evidence::Protocol;
use crate::saved::arc_slice_option;
use crate::stats::sensors::{SensorPlace, move_frame};

/// Anomalies that are kept of one server.
const PER_SERVER: usize = 8;

/// What is odd about a flow, or about what one of its sides sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// The prompt of a shell in clear text.
    Shell,
    /// A protocol that contradicts the claims on the port.
    Contradiction,
    /// The sides frame their packets differently.
    Mismatch,
    /// The server ended the connection at the first packet without a word.
    CutOff,
    /// Most of the answers of a flow say that something went wrong.
    Failure,
    /// An accepted connection in which the server did not answer a request.
    Silence,
    /// Bytes of a side came twice and differ.
    Tampered,
    /// Whole payload of both sides is of no known protocol.
    Unrecognised,
    /// A log-in in clear text.
    LogIn,
}

/// One thing that is odd about a server, as one of its flows shows it first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Anomaly {
    /// What is odd.
    pub kind: AnomalyKind,
    /// The protocol in which it is seen.
    pub protocol: Option<Protocol>,
    /// Only the client's bytes show it.
    pub by_client: bool,
    /// It turns down whoever asks, not one request, where it is a failure.
    pub of_service: bool,
    /// The number of the frame that shows it first.
    pub frame: u64,
    /// The flows that show it, where they are counted: those that fail.
    pub flows: u32,
    /// The id of the service that is proved.
    pub service: Option<SharedStr>,
    /// Text from the wire, untrusted: what the server calls itself, a prompt, the framings; or the
    /// number of a second frame.
    pub text: Option<Box<str>>,
    /// Who the flow may still be of, where no protocol was recognised.
    #[serde(with = "arc_slice_option")]
    pub candidates: Option<Arc<[Candidate]>>,
}

impl Anomaly {
    /// An anomaly that nothing more is known of.
    #[must_use]
    pub const fn new(kind: AnomalyKind, protocol: Option<Protocol>, frame: u64) -> Self {
        let (service, text, candidates) = (None, None, None);
        let (by_client, of_service) = (false, false);
        Self { kind, protocol, by_client, of_service, frame, flows: 0, service, text, candidates }
    }

    /// One of each is kept.
    const fn key(&self) -> (AnomalyKind, Option<Protocol>) {
        (self.kind, self.protocol)
    }

    /// Of equal keys the lowest is kept: what the server proves goes before what its client does.
    fn order(&self) -> (bool, u64, Option<&str>, Option<&str>) {
        (self.by_client, self.frame, self.service.as_deref(), self.text.as_deref())
    }
}

/// The anomalies of all servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Anomalies {
    /// Those of each server in the order of their keys.
    by_server: BTreeMap<ServerRank, Vec<Anomaly>>,
    limit: usize,
    /// More servers have some than are kept.
    has_overflowed: bool,
}

impl Anomalies {
    pub(super) const fn new(limit: usize) -> Self {
        Self { by_server: BTreeMap::new(), limit, has_overflowed: false }
    }

    /// Whether the table is full of servers that stand before this one; then it has overflowed.
    fn overflows(&mut self, rank: ServerRank) -> bool {
        let is_beyond = self.by_server.len() >= self.limit
            && self.by_server.last_key_value().is_some_and(|(last, _)| *last < rank);
        self.has_overflowed |= is_beyond;
        is_beyond
    }

    pub(super) fn add(&mut self, rank: ServerRank, anomaly: Anomaly) {
        if self.overflows(rank) {
            return;
        }
        let anomalies = self.by_server.entry(rank).or_insert_with(|| Vec::with_capacity(1));
        match anomalies.binary_search_by_key(&anomaly.key(), Anomaly::key) {
            Ok(at) => {
                let flows = anomalies[at].flows.saturating_add(anomaly.flows);
                if anomaly.order() < anomalies[at].order() {
                    anomalies[at] = anomaly;
                }
                anomalies[at].flows = flows;
            }
            Err(at) if at < PER_SERVER => {
                anomalies.insert(at, anomaly);
                anomalies.truncate(PER_SERVER);
            }
            Err(_) => {}
        }
        if self.by_server.len() > self.limit {
            self.by_server.pop_last();
            self.has_overflowed = true;
        }
    }

    /// Adds an anomaly as a flow that begins at `frame` shows it. Copies it only where it is kept.
    pub(super) fn add_at(&mut self, rank: ServerRank, anomaly: &Anomaly, frame: u64) {
        if self.overflows(rank) {
            return;
        }
        let is_known = |known: &Anomaly| {
            known.key() == anomaly.key()
                && (known.by_client, known.frame) < (anomaly.by_client, frame)
        };
        if !self.get(rank).iter().any(is_known) {
            self.add(rank, Anomaly { frame, ..anomaly.clone() });
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.has_overflowed |= other.has_overflowed;
        for (rank, anomalies) in other.by_server {
            anomalies.into_iter().for_each(|anomaly| self.add(rank, anomaly));
        }
    }

    /// The anomalies as they count among those of several sensors.
    pub(super) fn at(mut self, SensorPlace { sensor, frames }: SensorPlace) -> Self {
        for anomaly in self.by_server.values_mut().flatten() {
            move_frame(&mut anomaly.frame, frames);
        }
        let anomalies = self.by_server.into_iter();
        let by_server = anomalies.map(|(rank, them)| (rank.of_sensor(sensor), them)).collect();
        Self { by_server, ..self }
    }

    /// The servers that have anomalies.
    pub(super) fn servers(&self) -> impl Iterator<Item = ServerKey> {
        self.by_server.keys().map(ServerRank::key)
    }

    /// The anomalies of a server, in the order of their kinds.
    pub(super) fn get(&self, rank: ServerRank) -> &[Anomaly] {
        self.by_server.get(&rank).map_or(&[], Vec::as_slice)
    }

    /// Whether more servers have anomalies than are kept.
    pub(super) const fn has_overflowed(&self) -> bool {
        self.has_overflowed
    }

    /// Bytes on the heap; candidates are shared with the verdicts.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        let text = |anomaly: &Anomaly| anomaly.text.as_ref().map_or(0, |text| text.len() + 16);
        let server = |anomalies: &Vec<Anomaly>| {
            let own = anomalies.capacity() * size_of::<Anomaly>() + 16;
            own + anomalies.iter().map(text).sum::<usize>()
        };
        let entry = 2 * (size_of::<ServerRank>() + size_of::<Vec<Anomaly>>());
        self.by_server.values().map(|anomalies| server(anomalies) + entry).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::decode::Transport;
    use crate::stats::Servers;

    #[test]
    fn at_its_limit_the_table_takes_at_most_2_75_mib() {
        const KINDS: [AnomalyKind; 8] = [
            AnomalyKind::Shell,
            AnomalyKind::Contradiction,
            AnomalyKind::Mismatch,
            AnomalyKind::CutOff,
            AnomalyKind::Failure,
            AnomalyKind::Silence,
            AnomalyKind::Unrecognised,
            AnomalyKind::LogIn,
        ];
        let limit = Servers::DEFAULT_LIMIT / 32;
        let mut table = Anomalies::new(limit);
        for n in 0..2 * limit as u32 {
            let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
            let rank =
                ServerKey { address, port: 443, transport: Transport::Tcp, sensor: 0 }.rank();
            for kind in KINDS {
                // A prompt is the longest of the texts but what a server calls itself.
                let text = "x".repeat(if kind == AnomalyKind::Contradiction { 96 } else { 64 });
                let anomaly = Anomaly::new(kind, Some(Protocol::Http), u64::from(n));
                table.add(rank, Anomaly { text: Some(text.into()), ..anomaly });
            }
        }
        assert_eq!(table.by_server.len(), limit);
        assert!(table.has_overflowed());
        assert!(table.by_server.values().all(|anomalies| anomalies.len() == PER_SERVER));
        let bytes = table.footprint();
        assert!(bytes <= 11 << 18, "{bytes}");
    }
}
