//! What a finished flow shows of whether the responder took what the initiator sent.

use crate::classify::{Fit, Verdict};
use crate::decode::Transport;
use crate::evidence::{Direction, ProvedBy};
use crate::flow::{FlowRecord, Outcome, PayloadSides};

/// The outcome, now that it is known whether the protocol expects an answer.
pub(super) fn outcome(record: &FlowRecord, verdict: &Verdict) -> Outcome {
    match (record.transport, record.outcome) {
        (Transport::Udp, Outcome::NoAnswer) if verdict.one_way => Outcome::Sent,
        (_, outcome) => outcome,
    }
}

/// Whether only the initiator proves the protocol, and nothing shows that the responder took it.
pub(super) fn is_one_sided(record: &FlowRecord, verdict: &Verdict) -> bool {
    let is_taken = match record.outcome {
        Outcome::Established | Outcome::Answered => true,
        // Whether anybody of a group took it is not known: enough to agree, too little to contradict.
        Outcome::Sent => {
            verdict.one_way || verdict.announces || verdict.fit != Some(Fit::Contradicts)
        }
        Outcome::Midstream | Outcome::Reset => record.packets.responder > 0,
        Outcome::Refused | Outcome::Unreachable | Outcome::NoAnswer => false,
    };
    let is_retractable = verdict.fit.is_some() || verdict.service.is_some();
    is_retractable && verdict.proved_by == Some(ProvedBy::Initiator) && !is_taken
}

/// Whether an attempt was turned down, so that nobody serves the port.
pub(super) const fn is_refused(record: &FlowRecord) -> bool {
    matches!(record.outcome, Outcome::Refused | Outcome::Unreachable)
}

/// Whether a flow has no payload.
pub(super) fn is_silent(record: &FlowRecord) -> bool {
    record.payload_bytes.sum() == 0
}

/// Whether the responder ended the connection at the initiator's first message, without having sent
/// payload itself.
pub(super) fn is_cut_off(record: &FlowRecord) -> bool {
    /// What an initiator sends until the connection ends: SYN, ACK, a message in up to two
    /// segments, FIN, ACK.
    const FIRST_PACKETS: u64 = 6;
    record.payload_sides() == PayloadSides::Initiator
        && record.ended_by == Some(Direction::Responder)
        && record.packets.initiator <= FIRST_PACKETS
}
