//! Where what openings prove of servers goes: to the statistics at once, or, while it is not known
//! whether a flow is selected, to a list that waits until the flow ends.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Service, by_id};
use crate::classify::Confidence;
use crate::decode::Transport;
use crate::evidence::Protocol;
use crate::stats::{
    Anomaly, DnsParents, LongNameSeen, ServerEvidence, ServerKey, Servers, TextSource,
};

/// Takes what openings prove of servers, and what is odd about them.
pub(super) trait EvidenceSink {
    fn take_evidence(&mut self, key: ServerKey, evidence: &ServerEvidence<'_>);
    fn take_anomaly(&mut self, key: ServerKey, anomaly: Anomaly);
    fn take_first_line(&mut self, key: ServerKey, line: &str, frame: u64);
    fn take_name(
        &mut self,
        of: (IpAddr, Option<(u16, Transport)>),
        name: (TextSource, &str),
        frame: u64,
    );
    fn take_long_name(&mut self, domain: &str, seen: LongNameSeen);
}

/// The statistics.
impl EvidenceSink for (&mut Servers, &mut DnsParents) {
    fn take_evidence(&mut self, key: ServerKey, evidence: &ServerEvidence<'_>) {
        self.0.take_evidence(key, evidence);
    }

    fn take_anomaly(&mut self, key: ServerKey, anomaly: Anomaly) {
        self.0.take_anomaly(key, anomaly);
    }

    fn take_first_line(&mut self, key: ServerKey, line: &str, frame: u64) {
        self.0.take_first_line(key, line, frame);
    }

    fn take_name(
        &mut self,
        of: (IpAddr, Option<(u16, Transport)>),
        name: (TextSource, &str),
        frame: u64,
    ) {
        self.0.take_name(of, name, frame);
    }

    fn take_long_name(&mut self, domain: &str, seen: LongNameSeen) {
        self.1.add(domain, seen);
    }
}

/// What the opening of one flow proves of its server, and later names that it asks for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FlowEvidence {
    pieces: Vec<EvidencePiece>,
    /// Bounded by itself: a flow may ask for any number of names.
    parents: Option<Box<DnsParents>>,
}

/// One call of a sink.
#[derive(Debug, Serialize, Deserialize)]
enum EvidencePiece {
    Proof(Box<ServerProof>),
    Anomaly(ServerKey, Anomaly),
    FirstLine(ServerKey, Box<str>, u64),
    Name((IpAddr, Option<(u16, Transport)>), TextSource, Box<str>, u64),
}

/// [`ServerEvidence`] that borrows nothing.
#[derive(Debug, Serialize, Deserialize)]
struct ServerProof {
    key: ServerKey,
    confidence: Confidence,
    protocol: Option<Protocol>,
    #[serde(with = "by_id::option")]
    service: Option<Arc<Service>>,
    #[serde(with = "by_id::list")]
    also: Vec<Arc<Service>>,
    first_frame: u64,
    /// The frame of the proof of the protocol, and those of the services, `service` first.
    frames: (Option<u64>, Vec<Option<u64>>),
    texts: Vec<(TextSource, Box<str>, u64)>,
    framings: u8,
}

impl EvidenceSink for FlowEvidence {
    fn take_evidence(&mut self, key: ServerKey, evidence: &ServerEvidence<'_>) {
        let ServerEvidence { confidence, protocol, service, also, first_frame, framings, .. } =
            *evidence;
        let frame = |service: Option<&Service>| (evidence.proof_frame)(service);
        let services = service.into_iter().chain(also);
        let frames = (frame(None), services.map(|service| frame(Some(service))).collect());
        let texts =
            evidence.texts.iter().map(|&(source, text, frame)| (source, text.into(), frame));
        self.pieces.push(EvidencePiece::Proof(Box::new(ServerProof {
            key,
            confidence,
            protocol,
            service: service.cloned(),
            also: also.to_vec(),
            first_frame,
            frames,
            texts: texts.collect(),
            framings,
        })));
    }

    fn take_anomaly(&mut self, key: ServerKey, anomaly: Anomaly) {
        self.pieces.push(EvidencePiece::Anomaly(key, anomaly));
    }

    fn take_first_line(&mut self, key: ServerKey, line: &str, frame: u64) {
        self.pieces.push(EvidencePiece::FirstLine(key, line.into(), frame));
    }

    fn take_name(
        &mut self,
        of: (IpAddr, Option<(u16, Transport)>),
        (source, name): (TextSource, &str),
        frame: u64,
    ) {
        self.pieces.push(EvidencePiece::Name(of, source, name.into(), frame));
    }

    fn take_long_name(&mut self, domain: &str, seen: LongNameSeen) {
        self.parents.get_or_insert_default().add(domain, seen);
    }
}

impl FlowEvidence {
    pub(super) const fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.parents.is_none()
    }

    /// Hands all of it on to the statistics.
    pub(super) fn pass_to(&self, mut stored: (&mut Servers, &mut DnsParents)) {
        for piece in &self.pieces {
            match piece {
                EvidencePiece::Proof(proof) => proof.pass_to(&mut stored),
                EvidencePiece::Anomaly(key, anomaly) => stored.take_anomaly(*key, anomaly.clone()),
                EvidencePiece::FirstLine(key, line, frame) => {
                    stored.take_first_line(*key, line, *frame);
                }
                EvidencePiece::Name(of, source, name, frame) => {
                    stored.take_name(*of, (*source, name), *frame);
                }
            }
        }
        if let Some(parents) = &self.parents {
            stored.1.merge(DnsParents::clone(parents));
        }
    }

    /// Adds what came later.
    pub(super) fn extend(&mut self, later: Self) {
        self.pieces.extend(later.pieces);
        match (&mut self.parents, later.parents) {
            (Some(parents), Some(later)) => parents.merge(*later),
            (parents @ None, later) => *parents = later,
            (Some(_), None) => {}
        }
    }
}

impl ServerProof {
    fn pass_to(&self, stored: &mut (&mut Servers, &mut DnsParents)) {
        let services = self.service.iter().chain(&self.also);
        let frames: Vec<_> = services.zip(&self.frames.1).collect();
        let proof_frame = |service: Option<&Service>| match service {
            None => self.frames.0,
            Some(service) => {
                let known = frames.iter().find(|(known, _)| known.id == service.id);
                known.and_then(|(_, frame)| **frame)
            }
        };
        let texts: Vec<_> =
            self.texts.iter().map(|(source, text, frame)| (*source, &**text, *frame)).collect();
        stored.take_evidence(
            self.key,
            &ServerEvidence {
                confidence: self.confidence,
                protocol: self.protocol,
                service: self.service.as_ref(),
                also: &self.also,
                first_frame: self.first_frame,
                proof_frame: &proof_frame,
                texts: &texts,
                framings: self.framings,
            },
        );
    }
}
