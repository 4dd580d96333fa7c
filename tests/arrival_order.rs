//! Whichever side of a conversation arrives first, and whether its handshake was captured: one
//! record, times included.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::decode::{Decoder, Endpoint, TcpFlags, Transport};
use portlore::evidence::Protocol;
use portlore::flow::Orientation;
use portlore::pipeline::{self, JudgedFlow, Options};
use portlore::source::{Drops, Files, Frame, LinkType, Next, Source};
use portlore::time::Time;

use crate::run::captures;

/// A frame, and which side of which conversation sent it, if it is a segment.
#[derive(Debug, Clone)]
struct Sent {
    time: Time,
    link: LinkType,
    wire_len: u32,
    bytes: Vec<u8>,
    by: Option<(Conversation, Endpoint)>,
    is_syn: bool,
}

/// Both ends in a fixed order, and the transport.
type Conversation = (Endpoint, Endpoint, Transport);

/// The frames of a capture, in another order or fewer of them.
struct Rearranged {
    frames: Vec<Sent>,
    next: usize,
}

impl Source for Rearranged {
    fn next(&mut self) -> portlore::Result<Next<'_>> {
        let Some(frame) = self.frames.get(self.next) else { return Ok(Next::End) };
        self.next += 1;
        Ok(Next::Frame(Frame {
            number: self.next as u64,
            time: frame.time,
            link: frame.link,
            interface: 0,
            wire_len: frame.wire_len,
            bytes: &frame.bytes,
        }))
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

fn read(capture: &str) -> Vec<Sent> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(capture);
    let mut files = Files::open(&[path]).unwrap();
    let mut decoder = Decoder::new(true);
    let mut frames = Vec::new();
    while let Ok(Next::Frame(frame)) = files.next() {
        let segment = decoder.decode(&frame).ok().map(|(segment, _)| segment);
        let by = segment.as_ref().map(|segment| {
            let (from, to) = (segment.five_tuple.source, segment.five_tuple.destination);
            ((from.min(to), from.max(to), segment.five_tuple.transport), from)
        });
        frames.push(Sent {
            time: frame.time,
            link: frame.link,
            wire_len: frame.wire_len,
            bytes: frame.bytes.to_vec(),
            by,
            is_syn: segment.is_some_and(|segment| segment.flags.has(TcpFlags::SYN)),
        });
    }
    frames
}

/// What all orders must agree on of a flow. The service is left out: an answer that was captured
/// before its question proves less.
#[derive(Debug, PartialEq)]
struct Told {
    initiator: Endpoint,
    orientation: Orientation,
    counts: [u64; 6],
    times: (Time, Time, Option<u64>),
    outcome: &'static str,
    protocol: Option<Protocol>,
}

fn told(flow: &JudgedFlow) -> Told {
    let JudgedFlow { record, verdict, .. } = flow;
    let sides = [record.packets, record.bytes, record.payload_bytes];
    Told {
        initiator: record.initiator,
        orientation: record.orientation,
        counts: [0, 1, 2, 3, 4, 5].map(|i| {
            let counts = sides[i / 2];
            if i % 2 == 0 { counts.initiator } else { counts.responder }
        }),
        times: (record.first, record.last, record.first_response_ns),
        outcome: record.outcome.as_str(),
        protocol: verdict.protocol,
    }
}

fn run(catalogue: &Arc<Catalogue>, frames: Vec<Sent>) -> BTreeMap<Conversation, Vec<Told>> {
    let mut source = Rearranged { frames, next: 0 };
    let options = Options { keep_flows: true, ..Options::replay() };
    let run = pipeline::run(&mut source, None, catalogue, &options, None).unwrap();
    let mut flows: BTreeMap<Conversation, Vec<Told>> = BTreeMap::new();
    for flow in &run.flows {
        let (a, b) = (flow.record.initiator, flow.record.responder);
        flows.entry((a.min(b), a.max(b), flow.record.transport)).or_default().push(told(flow));
    }
    flows
}

/// How many of each side's first frames change places with those of the other side.
#[derive(Debug, Clone, Copy)]
enum Swap {
    /// The first of each.
    One,
    /// All until the other side sends again.
    Run,
}

/// The frames with the beginnings of each conversation's sides swapped. Conversations keep their
/// places among each other, and frames their times.
fn swapped(frames: &[Sent], swap: Swap) -> Vec<Sent> {
    let mut conversations: BTreeMap<Conversation, Vec<usize>> = BTreeMap::new();
    for (at, frame) in frames.iter().enumerate() {
        if let Some((conversation, _)) = frame.by {
            conversations.entry(conversation).or_default().push(at);
        }
    }
    let mut result = frames.to_vec();
    for places in conversations.values() {
        let side = |at: &usize| frames[*at].by.map(|(_, from)| from);
        let runs: Vec<&[usize]> = places.chunk_by(|a, b| side(a) == side(b)).take(2).collect();
        let &[first, second] = &runs[..] else { continue };
        let order: Vec<usize> = match swap {
            Swap::Run => second.iter().chain(first).copied().collect(),
            Swap::One => second[..1].iter().chain(first).chain(&second[1..]).copied().collect(),
        };
        for (place, from) in first.iter().chain(second).zip(order) {
            result[*place] = frames[from].clone();
        }
    }
    result
}

fn without_handshakes(frames: &[Sent]) -> Vec<Sent> {
    frames.iter().filter(|frame| !frame.is_syn).cloned().collect()
}

#[test]
fn both_orders_of_arrival_make_one_record() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut differ = Vec::new();
    let mut compared = 0;
    for capture in captures("fixtures") {
        let whole = read(&capture);
        for (kind, frames) in [("whole", whole.clone()), ("joined", without_handshakes(&whole))] {
            let as_captured = run(&catalogue, frames.clone());
            for swap in [Swap::One, Swap::Run] {
                let other = run(&catalogue, swapped(&frames, swap));
                for (conversation, told) in &as_captured {
                    compared += 1;
                    if other.get(conversation) != Some(told) {
                        differ.push(format!(
                            "{capture}, {kind}, {swap:?}: {told:?} is {:?}",
                            other.get(conversation)
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(differ, Vec::<String>::new());
    assert!(compared > 1000, "{compared}");
}

#[test]
fn a_direction_that_is_proved_is_that_of_the_handshake_and_so_are_the_times() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut differ = Vec::new();
    for capture in captures("fixtures") {
        let whole = read(&capture);
        let joined = run(&catalogue, without_handshakes(&whole));
        for (conversation, told) in run(&catalogue, whole) {
            let (Some([joined]), [whole]) =
                (joined.get(&conversation).map(Vec::as_slice), &told[..])
            else {
                continue;
            };
            let is_told =
                whole.orientation == Orientation::Seen && joined.orientation == Orientation::Proved;
            let is_same = (whole.initiator, whole.times.2) == (joined.initiator, joined.times.2);
            if is_told && !is_same {
                differ.push(format!("{capture}: {whole:?} is {joined:?}"));
            }
        }
    }
    assert_eq!(differ, Vec::<String>::new());
}
