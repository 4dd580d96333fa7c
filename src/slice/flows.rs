//! The flows whose frames are wanted, and which frames these are.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;

use super::FrameSet;
use crate::Result;
use crate::decode::{
    Decoder, Endpoint, FiveTuple, Segment, TcpFlags, Tenant, TenantParts, Transport,
};
use crate::pipeline::JudgedFlow;
use crate::report::escape;
use crate::source::{Next, Source};

/// Frames that get a comment, at most.
const COMMENTS: usize = 1 << 16;
/// Reasons that the comment of a frame gives, at most.
const REASONS: usize = 8;
/// Frames of a TCP handshake (RFC 9293, section 3.5).
const HANDSHAKE: u8 = 3;

/// What is copied of each flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlicePart {
    /// All frames.
    Everything,
    /// The handshake, and the frames that prove the verdict.
    Evidence,
}

/// Both ends of a flow in a fixed order, and whose network it is.
type FlowEnds = (Transport, Endpoint, Endpoint, Tenant);

/// The frames from the first to the last of a flow.
#[derive(Debug, Clone, Copy)]
struct FlowSpan {
    first: u64,
    last: u64,
    /// Frames of its handshake so far.
    handshake: u8,
}

/// The flows whose frames are wanted.
pub struct SlicedFlows {
    key: TenantParts,
    part: SlicePart,
    /// The flows of each pair of ends, one after the other: the next one begins when one has ended.
    spans: HashMap<FlowEnds, Vec<FlowSpan>, RandomState>,
    /// What is said of the frames that prove a verdict.
    comments: BTreeMap<u64, FrameComment>,
    count: u64,
    /// Frames that would have a comment.
    without_comment: u64,
}

/// What is said of a frame.
#[derive(Debug, Default)]
struct FrameComment {
    text: String,
    reasons: usize,
}

impl SlicedFlows {
    /// No flows. `key` as in [`Options::key`](crate::pipeline::Options::key).
    #[must_use]
    pub fn new(key: TenantParts, part: SlicePart) -> Self {
        let (spans, comments) = (HashMap::default(), BTreeMap::new());
        Self { key, part, spans, comments, count: 0, without_comment: 0 }
    }

    /// Adds a flow that has ended, with the reasons of its verdict. Flows come in the order in which
    /// they ended, as [`Hooks::on_flow`](crate::pipeline::Hooks::on_flow) has them.
    pub fn add(&mut self, flow: &JudgedFlow) {
        let record = &flow.record;
        let conversation =
            conversation(record.transport, [record.initiator, record.responder], record.tenant);
        let span = FlowSpan { first: record.first_frame, last: record.last_frame, handshake: 0 };
        self.spans.entry(conversation).or_default().push(span);
        self.count += 1;
        let verdict = speaker(flow);
        for reason in &flow.verdict.reasons {
            let Some(frame) = reason.frame else { continue };
            if self.comments.len() >= COMMENTS && !self.comments.contains_key(&frame) {
                self.without_comment += 1;
                continue;
            }
            let comment = self.comments.entry(frame).or_default();
            comment.reasons += 1;
            if comment.reasons == 1 {
                comment.text = format!("portlore: {verdict}");
            }
            if comment.reasons <= REASONS {
                // Writing to a string cannot fail.
                let _ = write!(comment.text, "; {} = {}", reason.fact, escape(&reason.value));
            }
        }
    }

    /// The number of flows.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is no flow.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of frames that prove a verdict and get no comment, because there are too many.
    #[must_use]
    pub const fn without_comment(&self) -> u64 {
        self.without_comment
    }

    /// What is said of a frame, if it proves a verdict.
    pub(super) fn comment(&self, frame: u64) -> Option<&str> {
        self.comments.get(&frame).map(|comment| comment.text.as_str())
    }

    /// The frames of these flows, with the fragments of their packets, and with ICMP errors about
    /// them. The source is the same as that in which the flows were found, and is read to its end or
    /// until `stop` is set.
    ///
    /// # Errors
    /// The source fails for good.
    pub fn frames(
        &mut self,
        source: &mut dyn Source,
        tunnels: bool,
        stop: &AtomicBool,
    ) -> Result<FrameSet> {
        let mut decoder = Decoder::new(tunnels).noting_fragments();
        let mut frames = FrameSet::default();
        while !stop.load(Ordering::Relaxed) {
            let frame = match source.next()? {
                Next::Frame(frame) => frame,
                Next::Idle => continue,
                Next::End => break,
            };
            let is_wanted = decoder.decode(&frame).is_ok_and(|(segment, _)| self.wants(&segment));
            let fragments = decoder.take_fragments();
            if is_wanted {
                frames.insert(frame.number);
                fragments.into_iter().for_each(|fragment| frames.insert(fragment));
            }
            if let Some(quote) = decoder.take_quote()
                && self.is_about(&quote.five_tuple, quote.tenant, frame.number)
            {
                frames.insert(frame.number);
            }
        }
        Ok(frames)
    }

    /// Whether a segment is one of those to be copied.
    fn wants(&mut self, segment: &Segment) -> bool {
        let ends = [segment.five_tuple.source, segment.five_tuple.destination];
        let tenant = segment.tenant.in_key(self.key);
        let key = conversation(segment.five_tuple.transport, ends, tenant);
        let Some(spans) = self.spans.get_mut(&key) else { return false };
        let frame = segment.frame;
        let at = spans.partition_point(|span| span.last < frame);
        let Some(span) = spans.get_mut(at).filter(|span| span.first <= frame) else {
            return false;
        };
        self.part == SlicePart::Everything
            || self.comments.contains_key(&frame)
            || span.is_of_handshake(segment)
    }

    /// Whether an ICMP error that quotes a packet is about one of the flows.
    fn is_about(&self, ends: &FiveTuple, tenant: Tenant, frame: u64) -> bool {
        let tenant = tenant.in_key(self.key);
        let key = conversation(ends.transport, [ends.source, ends.destination], tenant);
        let first = self.spans.get(&key).and_then(|spans| spans.first());
        first.is_some_and(|span| span.first <= frame)
    }
}

impl FlowSpan {
    /// Whether a segment is of the handshake: SYN, its answer, and what acknowledges that.
    fn is_of_handshake(&mut self, segment: &Segment) -> bool {
        let opens = segment.flags.has(TcpFlags::SYN);
        let acknowledges = self.handshake > 0 && segment.payload_len == 0;
        let is_part = self.handshake < HANDSHAKE && (opens || acknowledges);
        self.handshake += u8::from(is_part);
        is_part
    }
}

fn conversation(transport: Transport, ends: [Endpoint; 2], tenant: Tenant) -> FlowEnds {
    let [one, other] = ends;
    (transport, one.min(other), one.max(other), tenant)
}

/// Who speaks in a flow, and on which ground that is said.
fn speaker(flow: &JudgedFlow) -> String {
    let verdict = &flow.verdict;
    let ids = verdict.service.iter().chain(&verdict.also).map(|service| escape(&service.id));
    let names: Vec<String> =
        verdict.protocol.iter().map(|protocol| protocol.as_str().to_owned()).chain(ids).collect();
    let names = if names.is_empty() { "not recognised".to_owned() } else { names.join(", ") };
    let record = &flow.record;
    format!(
        "{} {} -> {}: {names} [{}]",
        record.transport,
        record.initiator,
        record.responder,
        verdict.confidence.as_str()
    )
}
