//! Flows in the document.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::SidesJson;
use super::processes::FlowProcessesJson;
use crate::classify::{Candidate, Fit, Reason, Verdict};
use crate::columns::community_id;
use crate::decode::{Endpoint, Tenant, Tunnel};
use crate::evidence::{Direction, Protocol, ProvedBy};
use crate::flow::{FlowRecord, IcmpError};
use crate::pipeline::JudgedFlow;
use crate::source::{FrameFiles, FramePlace};
use crate::stats::{COUNTERS, Counter};

/// All flows. Each is converted when it is written: a million of them are not in memory twice.
pub(super) struct FlowsJson<'a>(pub(super) &'a [JudgedFlow]);

impl Serialize for FlowsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for flow in self.0 {
            sequence.serialize_element(&FlowJson::new(flow))?;
        }
        sequence.end()
    }
}

/// A flow with its verdict.
#[derive(Serialize)]
pub(in crate::report) struct FlowJson<'a> {
    transport: &'static str,
    initiator: EndpointJson,
    responder: EndpointJson,
    community_id: String,
    orientation: &'static str,
    tunnel: Option<&'static str>,
    #[serde(flatten)]
    tenant: TenantJson,
    first: String,
    last: String,
    first_frame: u64,
    last_frame: u64,
    #[serde(flatten)]
    place: Option<PlaceJson>,
    packets: SidesJson,
    bytes: SidesJson,
    payload_bytes: SidesJson,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp: Option<IcmpJson>,
    heard: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpJson<'a>>,
    first_response_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<FlowProcessesJson<'a>>,
    verdict: VerdictJson<'a>,
    /// Absent where facts are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Vec<FactJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_facts: Option<usize>,
}

impl<'a> FlowJson<'a> {
    pub(in crate::report) fn new(flow: &'a JudgedFlow) -> Self {
        let record = &flow.record;
        let facts = flow.verdict.facts.as_ref();
        Self {
            transport: record.transport.as_str(),
            initiator: record.initiator.into(),
            responder: record.responder.into(),
            community_id: community_id(record.transport, record.initiator, record.responder),
            orientation: record.orientation.as_str(),
            tunnel: record.tunnel.map(Tunnel::as_str),
            tenant: TenantJson(record.tenant),
            first: record.first.to_string(),
            last: record.last.to_string(),
            first_frame: record.first_frame,
            last_frame: record.last_frame,
            place: PlaceJson::new(flow.files.as_ref(), Some(record.first_frame)),
            packets: record.packets.into(),
            bytes: record.bytes.into(),
            payload_bytes: record.payload_bytes.into(),
            outcome: record.outcome.as_str(),
            icmp: record.icmp.map(IcmpJson::from),
            heard: record.payload_sides().as_str(),
            tcp: TcpJson::new(record),
            first_response_ns: record.first_response_ns,
            process: FlowProcessesJson::new(&flow.processes),
            verdict: VerdictJson::new(&flow.verdict, flow.files.as_ref()),
            facts: facts.map(|facts| facts.first.iter().map(FactJson::from).collect()),
            more_facts: facts.map(|facts| facts.more).filter(|&more| more > 0),
        }
    }
}

/// The parts of the tenant that belong to the key of flows, null where there is none.
struct TenantJson(Tenant);

impl Serialize for TenantJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (tenant, in_key) = (self.0, self.0.parts());
        let vlans = [("vlan", tenant.vlan()), ("outer_vlan", tenant.outer_vlan())];
        let vlans = vlans.map(|(name, id)| (name, id.map(u32::from)));
        let vlans = vlans.into_iter().filter(|_| in_key.vlan);
        serializer.collect_map(vlans.chain(in_key.vni.then_some(("vni", tenant.vni()))))
    }
}

/// The ICMP error that met the initiator's packets.
#[derive(Serialize)]
struct IcmpJson {
    error: &'static str,
    frame: u64,
}

impl From<IcmpError> for IcmpJson {
    fn from(error: IcmpError) -> Self {
        Self { error: error.kind.as_str(), frame: error.frame }
    }
}

/// An address and a port.
#[derive(Serialize)]
pub(in crate::report) struct EndpointJson {
    address: String,
    port: u16,
}

impl From<Endpoint> for EndpointJson {
    fn from(endpoint: Endpoint) -> Self {
        Self { address: endpoint.address.to_string(), port: endpoint.port }
    }
}

#[derive(Serialize)]
struct TcpJson<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<&'static str>,
    handshake_rtt_ns: Option<u64>,
    #[serde(flatten)]
    counters: FlowCountersJson<'a>,
}

impl<'a> TcpJson<'a> {
    /// `None` for UDP.
    fn new(record: &'a FlowRecord) -> Option<Self> {
        Some(Self {
            state: record.tcp?.as_str(),
            ended_by: record.ended_by.map(Direction::as_str),
            handshake_rtt_ns: record.handshake_ns,
            counters: FlowCountersJson(record),
        })
    }
}

/// A field for each counter, by side.
struct FlowCountersJson<'a>(&'a FlowRecord);

impl Serialize for FlowCountersJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sides = |counter: &Counter| SidesJson::from((counter.count)(self.0));
        serializer.collect_map(COUNTERS.iter().map(|counter| (counter.id, sides(counter))))
    }
}

#[derive(Serialize)]
struct VerdictJson<'a> {
    service: Option<&'a str>,
    service_name: Option<&'a str>,
    tag: Option<&'a str>,
    candidate_tags: Vec<&'a str>,
    also: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_service: Option<&'a str>,
    protocol: Option<&'static str>,
    product: Option<&'a str>,
    proved_by: Option<&'static str>,
    confidence: &'static str,
    fit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    candidates: Vec<&'a str>,
    reasons: Vec<ReasonJson<'a>>,
}

impl<'a> VerdictJson<'a> {
    fn new(verdict: &'a Verdict, files: Option<&FrameFiles>) -> Self {
        let reasons = verdict.reasons.iter();
        Self {
            service: verdict.service.as_ref().map(|s| &*s.id),
            service_name: verdict.service_name.as_deref(),
            tag: verdict.tag(),
            candidate_tags: verdict.candidate_tags(),
            also: verdict.also.iter().map(|service| &*service.id).collect(),
            process_service: verdict.process_service.as_ref().map(|service| &*service.id),
            protocol: verdict.protocol.map(Protocol::as_str),
            product: verdict.product.as_deref(),
            proved_by: verdict.proved_by.map(ProvedBy::as_str),
            confidence: verdict.confidence.as_str(),
            fit: verdict.fit.map(Fit::as_str),
            fault: verdict.fault.map(crate::classify::Fault::as_str),
            candidates: verdict.candidates.iter().map(Candidate::id).collect(),
            reasons: reasons.map(|reason| ReasonJson::new(reason, files)).collect(),
        }
    }
}

#[derive(Serialize)]
struct ReasonJson<'a> {
    fact: &'a str,
    value: &'a str,
    direction: Option<&'static str>,
    frame: Option<u64>,
    #[serde(flatten)]
    place: Option<PlaceJson>,
}

impl<'a> ReasonJson<'a> {
    fn new(reason: &'a Reason, files: Option<&FrameFiles>) -> Self {
        Self {
            fact: &reason.fact,
            value: &reason.value,
            direction: reason.direction.map(Direction::as_str),
            frame: reason.frame,
            place: PlaceJson::new(files, reason.frame),
        }
    }
}

/// The file of a frame and its number there, where several files were read.
#[derive(Serialize)]
pub(in crate::report) struct PlaceJson {
    file: String,
    file_frame: u64,
}

impl PlaceJson {
    pub(in crate::report) fn new(files: Option<&FrameFiles>, frame: Option<u64>) -> Option<Self> {
        let FramePlace { file, frame } = files?.place(frame?)?;
        Some(Self { file: file.to_string(), file_frame: frame })
    }
}

/// What a detector stated.
#[derive(Serialize)]
struct FactJson<'a> {
    name: &'a str,
    value: &'a str,
    direction: Option<&'static str>,
    frame: Option<u64>,
}

impl<'a> From<&'a Reason> for FactJson<'a> {
    fn from(Reason { fact, value, direction, frame }: &'a Reason) -> Self {
        let direction = direction.map(Direction::as_str);
        Self { name: fact, value, direction, frame: *frame }
    }
}
