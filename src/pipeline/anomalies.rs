//! What is odd about the bytes of one flow: kept for findings when the flow is classified, because
//! flows store no bytes.

use super::flow_evidence::EvidenceSink;
use crate::classify::{Fault, Fit, SharedStr, Verdict, mark_frame};
use crate::decode::Transport;
use crate::detect::{self, LongName};
use crate::evidence::{Direction, Evidence, Fact, Protocol, ProvedBy, Tampered};
use crate::flow::Opening;
use crate::stats::{Anomaly, AnomalyKind, AnsweredFraming, LongNameSeen, ServerKey};

/// The fact that states how a side frames its packets.
const FRAMING: &str = "osc.framing";

/// Keeps what is odd about a flow whose protocol is known.
pub(super) fn keep(
    servers: &mut impl EvidenceSink,
    server: ServerKey,
    opening: &Opening,
    (verdict, evidence): (&Verdict, &Evidence),
) {
    let has_answered = !opening.side(Direction::Responder).is_empty();
    match verdict.protocol {
        Some(Protocol::Dns) => keep_long_names(servers, server, opening),
        Some(Protocol::Osc) if !has_answered && is_silence(opening, evidence) => {
            keep_silence(servers, server, evidence);
        }
        Some(
            Protocol::Ftp | Protocol::Imap | Protocol::Pop3 | Protocol::Smtp | Protocol::Telnet,
        ) if has_answered => {
            if let Some(frame) = detect::clear_log_in(opening, evidence) {
                let anomaly = Anomaly::new(AnomalyKind::LogIn, verdict.protocol, frame);
                servers.take_anomaly(server, anomaly);
            }
        }
        Some(Protocol::Text) => keep_prompt(servers, server, opening),
        _ => {}
    }
    if !has_answered {
        return;
    }
    if verdict.fit == Some(Fit::Contradicts) {
        servers.take_anomaly(server, contradiction(opening, (verdict, evidence)));
    }
    if verdict.fault == Some(Fault::Mismatch)
        && let Some(fact) = evidence.facts.iter().find(|fact| fact.name.is("osc.mismatch"))
    {
        let anomaly = Anomaly::new(AnomalyKind::Mismatch, verdict.protocol, fact.frame);
        let service = verdict.service.as_ref();
        servers.take_anomaly(
            server,
            Anomaly {
                text: Some(framings(evidence).into()),
                service: service.map(|service| SharedStr::Service(service.id.clone())),
                ..anomaly
            },
        );
    }
}

/// Keeps that bytes came twice and differ, with both frames.
pub(super) fn keep_tampered(
    servers: &mut impl EvidenceSink,
    server: ServerKey,
    protocol: Option<Protocol>,
    Tampered { direction, frames: [earlier, later] }: Tampered,
) {
    let anomaly = Anomaly::new(AnomalyKind::Tampered, protocol, earlier);
    let (by_client, text) = (direction == Direction::Initiator, Some(later.to_string().into()));
    servers.take_anomaly(server, Anomaly { by_client, text, ..anomaly });
}

/// Keeps the prompt of a shell, if a flow of no known protocol shows one.
pub(super) fn keep_prompt(servers: &mut impl EvidenceSink, server: ServerKey, opening: &Opening) {
    if opening.transport() == Transport::Tcp
        && let Some(prompt) = detect::shell_prompt(opening)
    {
        let anomaly = Anomaly::new(AnomalyKind::Shell, None, prompt.frame);
        servers.take_anomaly(
            server,
            Anomaly {
                by_client: prompt.direction == Direction::Initiator,
                text: Some(prompt.text.into()),
                ..anomaly
            },
        );
    }
}

/// The framings in which the server answers in this flow, as bits.
pub(super) fn answered_framings(evidence: &Evidence) -> u8 {
    if evidence.protocol != Some(Protocol::Osc)
        || evidence.facts.iter().any(|f| f.name.is("osc.mismatch"))
    {
        return 0;
    }
    framing(evidence, Direction::Responder)
        .and_then(AnsweredFraming::from_name)
        .map_or(0, AnsweredFraming::bit)
}

fn keep_long_names(parents: &mut impl EvidenceSink, server: ServerKey, opening: &Opening) {
    detect::long_names(opening, |name| keep_long_name(parents, server, &name));
}

/// Keeps a long name under its domains. Tunnels ask for all their names from one socket: most of them
/// are behind the opening of their flow.
pub(super) fn keep_long_name(parents: &mut impl EvidenceSink, server: ServerKey, name: &LongName) {
    let seen = LongNameSeen { hash: name.hash, answer: name.answer, frame: name.frame, server };
    name.parents.iter().flatten().for_each(|domain| parents.take_long_name(domain, seen));
}

/// Whether a client sent packets over TCP in one of the two framings, and asked for an answer.
fn is_silence(opening: &Opening, evidence: &Evidence) -> bool {
    opening.transport() == Transport::Tcp && !evidence.one_way
}

fn keep_silence(servers: &mut impl EvidenceSink, server: ServerKey, evidence: &Evidence) {
    let Some(framing) = framing(evidence, Direction::Initiator) else { return };
    let frame = evidence.first_payload.map_or(0, |(frame, _)| frame);
    let anomaly = Anomaly::new(AnomalyKind::Silence, Some(Protocol::Osc), frame);
    servers.take_anomaly(server, Anomaly { text: Some(framing.into()), ..anomaly });
}

fn framing(evidence: &Evidence, side: Direction) -> Option<&str> {
    let of_side = |fact: &&Fact| fact.direction == side && fact.name.is(FRAMING);
    evidence.facts.iter().find(of_side).map(|fact| fact.value.as_str())
}

/// The framings of client and server, as `slip length-prefix`.
fn framings(evidence: &Evidence) -> String {
    let [client, server] = Direction::BOTH.map(|side| framing(evidence, side).unwrap_or("none"));
    format!("{client} {server}")
}

fn contradiction(opening: &Opening, (verdict, evidence): (&Verdict, &Evidence)) -> Anomaly {
    let by_client = verdict.proved_by == Some(ProvedBy::Initiator);
    let service = verdict.service.as_deref();
    let side = if by_client { Direction::Initiator } else { Direction::Responder };
    let first = opening.side(side).frame_at(0);
    let frame = service.and_then(|service| mark_frame(service, &evidence.facts));
    Anomaly {
        by_client,
        service: verdict.service.as_ref().map(|s| SharedStr::Service(s.id.clone())),
        text: verdict.product.as_deref().map(Into::into),
        ..Anomaly::new(AnomalyKind::Contradiction, verdict.protocol, frame.unwrap_or(first))
    }
}
