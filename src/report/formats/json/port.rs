//! Ports and services in the document.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::SidesJson;
use super::processes::PortProcessesJson;
use crate::catalogue::Catalogue;
use crate::classify::{Candidate, Fit};
use crate::decode::ServicePort;
use crate::evidence::{Protocol, ProvedBy};
use crate::report::parts::labels;
use crate::stats::{
    Aggregate, CounterSums, Distributions, PortStats, Quantiles, ServiceKey, ServiceStats, Speaker,
    SpeakerStats, Summary, Unanswered,
};

#[derive(Serialize)]
pub(super) struct PortJson<'a> {
    port: u16,
    transport: &'static str,
    registered: Vec<&'a str>,
    claims: Vec<ClaimJson<'a>>,
    speaking: Vec<SpeakerJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<PortProcessesJson<'a>>,
    #[serde(flatten)]
    figures: FiguresJson,
}

impl<'a> PortJson<'a> {
    pub(super) fn new(
        catalogue: &'a Catalogue,
        port: ServicePort,
        stats: &'a PortStats,
        folded: bool,
    ) -> Self {
        let claims = catalogue.claims_on(port).map(|(service, claim)| ClaimJson {
            service: &service.id,
            tag: &service.tag,
            standing: claim.standing.as_str(),
            prevalence: claim.prevalence.as_str(),
            reach: claim.reach.as_str(),
            speaks: claim.protocols.iter().map(|protocol| protocol.as_str()).collect(),
        });
        let spoken = if folded { stats.folded_speakers() } else { &stats.speakers };
        Self {
            port: port.port,
            transport: port.transport.as_str(),
            registered: catalogue.registry.names(port).collect(),
            claims: claims.collect(),
            speaking: spoken
                .iter()
                .map(|(key, speaking)| SpeakerJson::new(catalogue, port, key, speaking))
                .collect(),
            processes: PortProcessesJson::new(&stats.processes),
            figures: FiguresJson::new(&stats.all, stats.distributions.as_ref()),
        }
    }
}

#[derive(Serialize)]
struct ClaimJson<'a> {
    service: &'a str,
    tag: &'a str,
    standing: &'static str,
    prevalence: &'static str,
    reach: &'static str,
    /// Empty where nobody has described the protocol.
    speaks: Vec<&'static str>,
}

/// Candidates of a speaker that are listed, the likeliest first.
const CANDIDATES: usize = 8;

/// What spoke on a port.
#[derive(Serialize)]
pub(in crate::report::formats) struct SpeakerJson<'a> {
    service: Option<&'a str>,
    tag: Option<&'a str>,
    candidate_tags: Vec<&'a str>,
    also: Vec<&'a str>,
    protocol: Option<&'static str>,
    confidence: &'static str,
    proved_by: Option<&'static str>,
    fit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered: Option<&'static str>,
    /// Ids; the first ones of many.
    candidates: Vec<&'a str>,
    /// The first ones in the order of their bytes.
    products: Vec<&'a str>,
    /// The first ones in the order of their bytes.
    service_names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_service_names: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_products: Option<u64>,
    flows: u64,
    bytes: u64,
}

impl<'a> SpeakerJson<'a> {
    pub(in crate::report::formats) fn new(
        catalogue: &Catalogue,
        port: ServicePort,
        key: &'a Speaker,
        speaking: &'a SpeakerStats,
    ) -> Self {
        let candidates = labels::sorted_candidates(catalogue, port, speaking);
        let products = speaking.products.as_ref();
        let names = speaking.service_names.as_ref();
        Self {
            service: key.service.as_deref(),
            tag: key.tag.as_deref(),
            candidate_tags: Candidate::tags(candidates.iter().copied()),
            also: labels::sorted_also(catalogue, speaking),
            protocol: key.protocol.map(Protocol::as_str),
            confidence: key.confidence.as_str(),
            proved_by: speaking.sides().map(ProvedBy::as_str),
            fit: key.fit.map(Fit::as_str),
            fault: key.fault.map(crate::classify::Fault::as_str),
            unanswered: key.unanswered.map(Unanswered::as_str),
            candidates: candidates.iter().take(CANDIDATES).map(|c| c.id()).collect(),
            products: products.map_or_else(Vec::new, |products| products.kept().collect()),
            service_names: names.map_or_else(Vec::new, |names| names.kept().collect()),
            more_service_names: names.map(|names| names.others()).filter(|&n| n > 0),
            more_products: products.map(|products| products.others()).filter(|&n| n > 0),
            flows: speaking.flows,
            bytes: speaking.bytes,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ServiceJson<'a> {
    service: Option<&'a str>,
    tag: Option<&'a str>,
    protocol: Option<&'static str>,
    #[serde(flatten)]
    figures: FiguresJson,
}

impl<'a> ServiceJson<'a> {
    pub(super) fn new(key: &'a ServiceKey, stats: &ServiceStats) -> Self {
        let (service, tag, protocol) = key;
        Self {
            service: service.as_deref(),
            tag: tag.as_deref(),
            protocol: protocol.map(Protocol::as_str),
            figures: FiguresJson::new(&stats.all, Some(&stats.distributions)),
        }
    }
}

#[derive(Serialize)]
struct FiguresJson {
    flows: u64,
    flows_without_payload: u64,
    packets: SidesJson,
    bytes: SidesJson,
    initiators: u64,
    first: Option<String>,
    last: Option<String>,
    outcomes: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    counters: CountersJson,
    /// Like the three below, null for a port whose sizes and times are not kept.
    packet_bytes: Option<QuantilesJson>,
    duration_ns: Option<QuantilesJson>,
    handshake_rtt_ns: Option<QuantilesJson>,
    first_response_ns: Option<QuantilesJson>,
}

impl FiguresJson {
    fn new(all: &Aggregate, distributions: Option<&Distributions>) -> Self {
        let summary = |quantiles: fn(&Distributions) -> &Quantiles| {
            distributions.map(|own| quantiles(own).summary().into())
        };
        Self {
            flows: all.flows,
            flows_without_payload: all.flows_without_payload,
            packets: all.packets.into(),
            bytes: all.bytes.into(),
            initiators: all.initiators.count(),
            first: all.seen.map(|(first, _)| first.to_string()),
            last: all.seen.map(|(_, last)| last.to_string()),
            outcomes: all.by_outcome().map(|(outcome, n)| (outcome.as_str(), n)).collect(),
            counters: CountersJson(all.counters),
            packet_bytes: summary(|own| &own.packet_bytes),
            duration_ns: summary(|own| &own.duration_ns),
            handshake_rtt_ns: summary(|own| &own.handshake_rtt_ns),
            first_response_ns: summary(|own| &own.first_response_ns),
        }
    }
}

/// A field for each counter.
struct CountersJson(CounterSums);

impl Serialize for CountersJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(counter, sum)| (counter.id, sum)))
    }
}

#[derive(Serialize)]
struct QuantilesJson {
    count: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl From<Summary> for QuantilesJson {
    fn from(s: Summary) -> Self {
        Self { count: s.count, p50: s.p50, p90: s.p90, p99: s.p99, max: s.max }
    }
}
