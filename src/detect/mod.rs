//! What language is spoken: detectors over the opening of a flow.
//!
//! Takes an [`Opening`], gives [`Evidence`]. Knows no ports and no catalogue. A detector is one
//! file and one line of [`DETECTORS`]: a pure function that says `No`, `NeedMore`, `Yes(protocol,
//! facts)`, or `Partly` where a fact that matters is still to come. Nothing here panics on any
//! input.

mod amqp;
mod artnet;
mod begins;
mod ber;
mod bittorrent;
mod bson;
mod csta;
mod dhcp;
mod dis;
mod dns;
mod framing;
mod ftp;
mod hbci;
mod hello;
mod http;
mod http2;
mod imap;
mod ipa;
mod iperf3;
mod kafka;
mod ldap;
mod line;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod nats;
mod netflow;
mod ntp;
mod osc;
mod pop3;
mod postgresql;
mod quic;
mod rdp;
mod redis;
mod rtp;
mod sacn;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod ssh;
mod stun;
mod syslog;
mod text;
mod tls;
mod vnc;
mod watchout;
mod wireguard;

use std::borrow::Cow;

pub use begins::Begins;

use crate::decode::Transport;
use crate::evidence::{
    Direction, Evidence, Fact, FactName, Finding, Protocol, ProtocolSet, Wanted,
};
use crate::flow::{Opening, Stream};

/// One detector.
pub struct Detector {
    /// The language that it knows.
    pub protocol: Protocol,
    /// Languages that a connection turns to after it began in this one: where this one is ruled
    /// out, they are.
    pub leads_to: &'static [Protocol],
    /// All that it states is said in the first words of both sides: the rest of the opening adds
    /// nothing.
    pub first_words: bool,
    /// It takes what no other detector does, so it is asked last and what others still wait for may
    /// overrule it.
    pub residual: bool,
    /// The bytes with which the words of either side may begin.
    pub begins: Begins,
    /// The transports on which the language is spoken.
    pub transports: &'static [Transport],
    /// The facts that it can state; `.*` at the end stands for a header's name.
    pub facts: &'static [&'static str],
    /// Looks at what both sides said first.
    pub inspect: fn(&Opening) -> Finding,
    /// Conversations that it must recognise: each side's segments or datagrams.
    pub samples: &'static [Sample],
}

/// A conversation in a detector's language.
pub struct Sample {
    /// TCP or UDP.
    pub transport: Transport,
    /// What the initiator said.
    pub initiator: &'static [&'static [u8]],
    /// What the responder said.
    pub responder: &'static [&'static [u8]],
}

impl Sample {
    /// The sample as an opening.
    #[must_use]
    pub fn opening(&self) -> Opening {
        Opening::of(self.transport, self.initiator, self.responder)
    }
}

/// Every detector: the commonest languages first. No two accept the same bytes, so their order
/// decides nothing but speed; the last takes what no other does.
pub const DETECTORS: &[Detector] = &[
    http::DETECTOR,
    tls::DETECTOR,
    dns::DETECTOR,
    dns::MULTICAST,
    quic::DETECTOR,
    stun::DETECTOR,
    ntp::DETECTOR,
    dhcp::DETECTOR,
    snmp::DETECTOR,
    syslog::DETECTOR,
    netflow::DETECTOR,
    netflow::IPFIX,
    wireguard::DETECTOR,
    artnet::DETECTOR,
    sacn::DETECTOR,
    dis::DETECTOR,
    osc::DETECTOR,
    ssh::DETECTOR,
    http2::DETECTOR,
    http2::RPC,
    csta::DETECTOR,
    ipa::DETECTOR,
    hbci::DETECTOR,
    amqp::DETECTOR,
    iperf3::DETECTOR,
    kafka::DETECTOR,
    memcached::DETECTOR,
    mongodb::DETECTOR,
    mqtt::DETECTOR,
    mysql::DETECTOR,
    nats::DETECTOR,
    postgresql::DETECTOR,
    redis::DETECTOR,
    ftp::DETECTOR,
    imap::DETECTOR,
    pop3::DETECTOR,
    smtp::DETECTOR,
    bittorrent::DETECTOR,
    ldap::DETECTOR,
    rdp::DETECTOR,
    smb::DETECTOR,
    vnc::DETECTOR,
    watchout::DETECTOR,
    sip::DETECTOR,
    rtp::DETECTOR,
    text::DETECTOR,
];

/// Detectors whose answers are looked up together.
const GROUP: usize = 4;

/// The languages that are ruled out where detectors refuse, by group and which of it do, a bit for
/// each.
static RULED_OUT: [[ProtocolSet; 1 << GROUP]; DETECTORS.len().div_ceil(GROUP)] = {
    let mut sets = [[ProtocolSet::EMPTY; 1 << GROUP]; DETECTORS.len().div_ceil(GROUP)];
    let mut i = 0;
    while i < DETECTORS.len() {
        let mut with = ProtocolSet::EMPTY;
        with.insert(DETECTORS[i].protocol);
        let mut n = 0;
        while n < DETECTORS[i].leads_to.len() {
            with.insert(DETECTORS[i].leads_to[n]);
            n += 1;
        }
        let mut refuse = 0;
        while refuse < 1 << GROUP {
            if refuse >> (i % GROUP) & 1 == 1 {
                sets[i / GROUP][refuse].unite(with);
            }
            refuse += 1;
        }
        i += 1;
    }
    sets
};

/// Segments or datagrams after which a side that is still silent is no longer waited for.
const PATIENCE: usize = 8;
/// Segments or datagrams after which the rest of what a language has said in part is no longer
/// waited for.
const PARTLY_PATIENCE: usize = 16;

/// Characters of a fact's value that are kept, unless it is a body that marks search.
const VALUE_LEN: usize = 512;

/// Asks the detectors in turn until one says yes: it names the language. Where none does, those
/// that said no are ruled out.
#[must_use]
pub fn inspect(opening: &Opening) -> Evidence {
    let mut evidence = Evidence { first_payload: first_payload(opening), ..Evidence::default() };
    let mut wanted = Wanted::Nothing;
    let (whole, asked) = asked(opening);
    let spoken = begins::spoken(opening.transport());
    let mut refused = if whole { !asked } else { !spoken };
    let mut rest = asked;
    while rest != 0 {
        let (bit, detector) =
            (rest & rest.wrapping_neg(), &DETECTORS[rest.trailing_zeros() as usize]);
        rest ^= bit;
        match (detector.inspect)(opening) {
            Finding::No if whole => refused |= bit,
            Finding::No => {}
            Finding::NeedMore => wanted = Wanted::More,
            Finding::Yes(protocol, facts) => {
                evidence.protocol = Some(protocol);
                evidence.facts = facts;
                if !detector.residual {
                    wanted =
                        if detector.first_words { Wanted::Nothing } else { Wanted::Everything };
                }
                break;
            }
            Finding::Partly(protocol, facts) => {
                evidence.protocol = Some(protocol);
                evidence.facts = facts;
                wanted =
                    if opening.pushes() < PARTLY_PATIENCE { Wanted::More } else { Wanted::Nothing };
                break;
            }
        }
    }
    if evidence.protocol.is_none() {
        for (i, sets) in RULED_OUT.iter().enumerate() {
            evidence.ruled_out.unite(sets[(refused >> (i * GROUP)) as usize % sets.len()]);
        }
    }
    // A responder that is still silent may surprise everybody, but not for ever.
    let both = opening.sides().all(|(_, stream)| !stream.is_empty());
    let heard = both || opening.pushes() >= PATIENCE;
    evidence.wanted = if wanted == Wanted::Nothing && !heard { Wanted::More } else { wanted };
    evidence
}

/// Whether both sides were heard from their first byte, and the detectors to be asked, a bit for
/// each. Bytes from the middle of a conversation prove nothing against any language.
fn asked(opening: &Opening) -> (bool, u64) {
    let whole = opening.sides().all(|(_, stream)| stream.is_empty() || stream.from_start());
    (whole, if whole { begins::candidates(opening) } else { begins::joined(opening) })
}

/// Whether [`inspect`] asks this detector about the opening.
#[must_use]
pub fn is_asked(detector: &Detector, opening: &Opening) -> bool {
    let (_, asked) = asked(opening);
    DETECTORS
        .iter()
        .zip(0..)
        .any(|(known, i)| known.protocol == detector.protocol && asked & 1 << i != 0)
}

impl Detector {
    /// Whether it can state this fact.
    #[must_use]
    pub fn states(&self, fact: &str) -> bool {
        self.facts.iter().any(|known| match known.strip_suffix(".*") {
            Some(stem) => fact
                .strip_prefix(stem)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|leaf| !leaf.is_empty()),
            None => *known == fact,
        })
    }
}

/// Whether a detector states this fact.
#[must_use]
pub fn is_stated(fact: &str) -> bool {
    DETECTORS.iter().any(|detector| detector.states(fact))
}

fn first_payload(opening: &Opening) -> Option<(u64, Direction)> {
    opening.sides().filter_map(|(direction, stream)| Some((stream.first_frame()?, direction))).min()
}

/// What a detector collects while it reads one side.
struct Statement<'a> {
    facts: &'a mut Vec<Fact>,
    stream: &'a Stream,
    direction: Direction,
    /// The exchange that is being read.
    exchange: u32,
    /// Facts are wanted: what costs much to state is left out where they are not.
    wanted: bool,
}

impl<'a> Statement<'a> {
    /// Begins with what a side of the opening said.
    fn of(opening: &'a Opening, direction: Direction, facts: &'a mut Vec<Fact>) -> Self {
        Self {
            facts,
            stream: opening.side(direction),
            direction,
            exchange: 0,
            wanted: opening.wants_facts(),
        }
    }

    /// States a fact whose bytes begin at `offset`.
    fn say(&mut self, name: impl Into<FactName>, value: &[u8], offset: usize) {
        self.say_whole(name, &value[..value.len().min(VALUE_LEN)], offset);
    }

    /// The same with a value of any length.
    fn say_whole(&mut self, name: impl Into<FactName>, value: &[u8], offset: usize) {
        self.say_parts(name, value, &[(0, offset)]);
    }

    /// The same with a value whose parts stand in several places: where each begins in the value
    /// and in the stream.
    fn say_parts(&mut self, name: impl Into<FactName>, value: &[u8], parts: &[(usize, usize)]) {
        let mut later = Vec::new();
        let ends = parts.iter().skip(1).map(|part| part.0).chain([value.len()]);
        for (i, (&(begin, offset), end)) in parts.iter().zip(ends).enumerate() {
            if i > 0 {
                later.push((begin, self.stream.frame_at(offset)));
            }
            let behind = self.stream.frames_behind(offset).map(|(at, frame)| (begin + at, frame));
            later.extend(behind.take_while(|&(at, _)| at < end));
        }
        self.facts.push(Fact {
            name: name.into(),
            value: lossy(value).into_owned(),
            direction: self.direction,
            frame: parts.first().map_or(0, |part| self.stream.frame_at(part.1)),
            later,
            exchange: self.exchange,
        });
    }

    /// States what the bytes at `offset` come to, in the detector's own words.
    fn tell(&mut self, name: impl Into<FactName>, mut value: String, offset: usize) {
        if let Some(kept) = value.as_bytes().get(..VALUE_LEN) {
            value = String::from_utf8_lossy(kept).into_owned();
        }
        let (name, frame) = (name.into(), self.stream.frame_at(offset));
        self.facts.push(Fact {
            name,
            value,
            direction: self.direction,
            frame,
            later: Vec::new(),
            exchange: self.exchange,
        });
    }
}

/// Bytes as text, those that are not UTF-8 replaced.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all are, and this looks at many at a time.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Puts together what the two sides of a flow were found to be. The responder decides: what it says
/// is what speaks on the port, whatever was asked of it. While it is silent, or cut, the
/// initiator's word counts.
fn combine(
    protocol: Protocol,
    opening: &Opening,
    mut side: impl FnMut(&mut Statement<'_>) -> Side,
) -> Finding {
    let mut facts = Vec::new();
    let mut heard = [Side::Silent; 2];
    for ((direction, stream), heard) in opening.sides().zip(&mut heard) {
        if !stream.is_empty() {
            *heard = side(&mut Statement::of(opening, direction, &mut facts));
        }
    }
    let answered = opening.side(Direction::Responder).from_start();
    match heard {
        [Side::Speaks, Side::Other] if answered => Finding::No,
        [Side::Speaks, _] | [_, Side::Speaks] => Finding::Yes(protocol, facts),
        [Side::Other, _] | [_, Side::Other] => Finding::No,
        _ => Finding::NeedMore,
    }
}

/// Datagrams of each side that are looked at: what comes later adds nothing.
const DATAGRAMS: usize = 4;

/// Judges a side by its first datagrams, each of which `read` judges by its bytes, their place in
/// the stream and whether the capture cut it. A damaged message among good ones is no proof against
/// them.
fn by_datagram<'a>(
    statement: &mut Statement<'a>,
    mut read: impl FnMut(&mut Statement<'a>, &'a [u8], usize, bool) -> Side,
) -> Side {
    let mut offset = 0;
    let (mut ours, mut unclear, mut foreign) = (0, 0, 0);
    for (bytes, _, cut) in statement.stream.datagrams().take(DATAGRAMS) {
        let stated = statement.facts.len();
        match read(statement, bytes, offset, cut) {
            Side::Speaks => ours += 1,
            Side::Perhaps | Side::Silent => unclear += 1,
            Side::Other => foreign += 1,
        }
        // One message says what there is to say.
        if ours > 1 {
            statement.facts.truncate(stated);
        }
        offset += bytes.len();
    }
    match () {
        () if ours > 0 && ours >= foreign => Side::Speaks,
        () if foreign == 0 && unclear > 0 => Side::Perhaps,
        () => Side::Other,
    }
}

/// What one side of a flow was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// It said nothing.
    Silent,
    /// It speaks the language.
    Speaks,
    /// It may, but too little of it was seen.
    Perhaps,
    /// It does not.
    Other,
}

#[cfg(test)]
mod tests;
