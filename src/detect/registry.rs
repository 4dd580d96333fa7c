//! Every detector, in one table, and the answer of all of them together.
//!
//! A new detector is a line of [`DETECTORS`]. All else here is derived from that table at compile
//! time.

mod tables;

use self::tables::{GROUP, Tables, is_of};

use crate::decode::Transport;
use crate::detect::detector::Detector;
use crate::detect::statement::{DATAGRAMS, PARTLY_PATIENCE, PATIENCE};
use crate::detect::unrecognised::TextOpening;
use crate::detect::{protocols, proxy_header};
use crate::evidence::{
    BitSet, Depth, Detection, Direction, Evidence, Protocol, ProtocolSet, ProvedBy, Recognition,
    Tampered, Wanted, words_for,
};
use crate::flow::Opening;

/// Every detector, those of the commonest protocols first. No two detectors accept the same bytes,
/// so the order changes nothing but speed; only the last takes what no other does.
pub const DETECTORS: &[Detector] = &[
    protocols::http::DETECTOR,
    protocols::tls::DETECTOR,
    protocols::dns::DETECTOR,
    protocols::dns::MULTICAST,
    protocols::dns::llmnr::DETECTOR,
    protocols::quic::DETECTOR,
    protocols::stun::DETECTOR,
    protocols::dtls::DETECTOR,
    protocols::ntp::DETECTOR,
    protocols::dhcp::DETECTOR,
    protocols::snmp::DETECTOR,
    protocols::syslog::DETECTOR,
    protocols::netflow::DETECTOR,
    protocols::netflow::IPFIX,
    protocols::wireguard::DETECTOR,
    protocols::artnet::DETECTOR,
    protocols::sacn::DETECTOR,
    protocols::dis::DETECTOR,
    protocols::osc::DETECTOR,
    protocols::ssh::DETECTOR,
    protocols::http2::DETECTOR,
    protocols::http2::RPC,
    protocols::csta::DETECTOR,
    protocols::ipa::DETECTOR,
    protocols::hbci::DETECTOR,
    protocols::amqp::DETECTOR,
    protocols::iperf3::DETECTOR,
    protocols::kafka::DETECTOR,
    protocols::memcached::DETECTOR,
    protocols::mongodb::DETECTOR,
    protocols::mqtt::DETECTOR,
    protocols::mysql::DETECTOR,
    protocols::nats::DETECTOR,
    protocols::postgresql::DETECTOR,
    protocols::redis::DETECTOR,
    protocols::ftp::DETECTOR,
    protocols::imap::DETECTOR,
    protocols::pop3::DETECTOR,
    protocols::smtp::DETECTOR,
    protocols::bittorrent::DETECTOR,
    protocols::ldap::DETECTOR,
    protocols::rdp::DETECTOR,
    protocols::smb::DETECTOR,
    protocols::vnc::DETECTOR,
    protocols::watchout::DETECTOR,
    protocols::telnet::DETECTOR,
    protocols::opcua::DETECTOR,
    protocols::socks::DETECTOR,
    protocols::pjlink::DETECTOR,
    protocols::modbus::DETECTOR,
    protocols::dnp3::DETECTOR,
    protocols::s7::DETECTOR,
    protocols::iec104::DETECTOR,
    protocols::bacnet::DETECTOR,
    protocols::rsync::DETECTOR,
    protocols::jdwp::DETECTOR,
    protocols::dap::DETECTOR,
    protocols::dcerpc::DETECTOR,
    protocols::nbns::DETECTOR,
    protocols::kerberos::DETECTOR,
    protocols::tftp::DETECTOR,
    protocols::ptp::DETECTOR,
    protocols::sip::DETECTOR,
    protocols::rtsp::DETECTOR,
    protocols::mgcp::DETECTOR,
    protocols::sccp::DETECTOR,
    protocols::ssdp::DETECTOR,
    protocols::ws_discovery::DETECTOR,
    protocols::rtp::applemidi::DETECTOR,
    protocols::citp::DETECTOR,
    protocols::psn::DETECTOR,
    protocols::atem::DETECTOR,
    protocols::hyperdeck::DETECTOR,
    protocols::videohub::DETECTOR,
    protocols::visca::DETECTOR,
    protocols::rtp::DETECTOR,
    protocols::text::DETECTOR,
];

/// The detectors and what is derived from them.
struct DetectorRegistry<const WORDS: usize, const GROUPS: usize, const SLOTS: usize> {
    detectors: &'static [Detector],
    /// Indexed by the transport.
    tables: [Tables<WORDS, GROUPS, SLOTS>; 2],
}

/// The words of a set of detectors of one transport.
const WORDS: usize = words_for(greatest_count(DETECTORS));

static REGISTRY: DetectorRegistry<WORDS, { WORDS * 64 / GROUP }, { WORDS * 64 }> =
    DetectorRegistry::new(DETECTORS);

/// The number of detectors of the transport that has more of them.
const fn greatest_count(detectors: &[Detector]) -> usize {
    let mut counts = [0; 2];
    let mut i = 0;
    while i < detectors.len() {
        counts[0] += is_of(&detectors[i], Transport::Tcp) as usize;
        counts[1] += is_of(&detectors[i], Transport::Udp) as usize;
        i += 1;
    }
    if counts[0] > counts[1] { counts[0] } else { counts[1] }
}

/// Calls the detectors whose prefilter the opening passes, in turn, until one recognises its
/// protocol. Where none does, the protocols of those that refused are ruled out, if the bytes
/// prove that, and the first line of each side is stated, if the conversation is text.
#[must_use]
pub fn inspect(opening: &Opening, depth: Depth) -> Evidence {
    if let Some(tampered) = opening.tampered() {
        return inspect_tampered(opening, depth, tampered);
    }
    inspect_untouched(opening, depth)
}

#[inline]
fn inspect_untouched(opening: &Opening, depth: Depth) -> Evidence {
    if proxy_header::may_begin(opening)
        && let Some(evidence) = inspect_behind_proxy(opening, depth)
    {
        return evidence;
    }
    REGISTRY.inspect(opening, depth)
}

/// Inspects an opening of whose bytes some came twice and differ: nobody knows which of them the
/// receiver took, so that nothing but the protocol is stated, and nothing is ruled out.
#[inline(never)]
fn inspect_tampered(opening: &Opening, depth: Depth, tampered: Tampered) -> Evidence {
    Evidence {
        facts: Vec::new(),
        failure: None,
        whole: false,
        ruled_out: ProtocolSet::EMPTY,
        tampered: Some(tampered),
        ..inspect_untouched(opening, depth)
    }
}

/// Adds to `evidence`, which [`inspect`] gave of this opening without facts and without a protocol,
/// the first lines, if the conversation is text.
pub fn add_lines(opening: &Opening, evidence: &mut Evidence) {
    if proxy_header::may_begin(opening) {
        *evidence = inspect(opening, Depth::Facts);
    } else if evidence.tampered.is_none()
        && let Some(text) = TextOpening::read(opening)
    {
        evidence.facts = text.facts(opening);
    }
}

#[inline(never)]
fn inspect_behind_proxy(opening: &Opening, depth: Depth) -> Option<Evidence> {
    let evidence =
        proxy_header::inspect_behind(opening, |opening| REGISTRY.inspect(opening, depth))?;
    Some(Evidence { first_payload: first_payload(opening), ..evidence })
}

/// Whether [`inspect`] calls the detector for this opening, if no other recognises it first.
#[must_use]
pub fn is_asked(detector: &Detector, opening: &Opening) -> bool {
    let (_, mut candidates) = REGISTRY.candidates(opening);
    std::iter::from_fn(|| candidates.pop_first())
        .any(|i| REGISTRY.detector(opening.transport(), i).protocol == detector.protocol)
}

/// The facts that can be stated of what both sides send; `.*` at the end stands for a header field's
/// name.
pub fn facts() -> impl Iterator<Item = &'static str> {
    let of_detectors = DETECTORS.iter().flat_map(|detector| detector.facts);
    of_detectors.chain(proxy_header::FACTS).copied()
}

/// Whether a detector can state the fact `fact`, or the header of a proxy.
#[must_use]
pub fn is_stated(fact: &str) -> bool {
    proxy_header::FACTS.contains(&fact) || DETECTORS.iter().any(|detector| detector.states(fact))
}

impl<const WORDS: usize, const GROUPS: usize, const SLOTS: usize>
    DetectorRegistry<WORDS, GROUPS, SLOTS>
{
    const fn new(detectors: &'static [Detector]) -> Self {
        let tcp = Tables::new(detectors, Transport::Tcp);
        Self { detectors, tables: [tcp, Tables::new(detectors, Transport::Udp)] }
    }

    fn tables(&self, transport: Transport) -> &Tables<WORDS, GROUPS, SLOTS> {
        &self.tables[transport as usize]
    }

    /// The detector of number `i` among those of a transport.
    fn detector(&self, transport: Transport, i: usize) -> &'static Detector {
        &self.detectors[self.tables(transport).place(i)]
    }

    fn inspect(&self, opening: &Opening, depth: Depth) -> Evidence {
        let mut evidence =
            Evidence { first_payload: first_payload(opening), ..Evidence::default() };
        let mut wanted = Wanted::Nothing;
        let (from_start, candidates) = self.candidates(opening);
        // Those that have not refused.
        let mut open = BitSet::EMPTY;
        let mut rest = candidates;
        while let Some(i) = rest.pop_first() {
            let detector = self.detector(opening.transport(), i);
            if detector.may_be.is_some_and(|may_be| !may_be(opening)) {
                rest = self.tables(opening.transport()).without_followers(rest, i);
                continue;
            }
            match (detector.inspect)(opening, depth) {
                Detection::No => {}
                Detection::NeedMore => {
                    open.insert(i);
                    wanted = Wanted::More;
                }
                Detection::Yes(recognition) => {
                    recognise(&mut evidence, opening, detector, recognition);
                    if !detector.residual {
                        wanted =
                            if detector.first_words { Wanted::Nothing } else { Wanted::Everything };
                    }
                    break;
                }
                Detection::Partly(recognition) => {
                    recognise(&mut evidence, opening, detector, recognition);
                    wanted = if opening.pushes() < PARTLY_PATIENCE {
                        Wanted::More
                    } else {
                        Wanted::Nothing
                    };
                    break;
                }
            }
        }
        let text = match evidence.protocol {
            None => TextOpening::read(opening),
            Some(_) => None,
        };
        if let Some(text) = &text {
            if depth == Depth::Facts {
                evidence.facts = text.facts(opening);
            }
            if wanted == Wanted::Nothing && text.awaits_line(opening) {
                wanted = Wanted::More;
            }
        }
        evidence.whole = from_start && is_whole(opening);
        if evidence.protocol.is_none() && evidence.whole {
            evidence.ruled_out = self.tables(opening.transport()).ruled_out(open);
            if text.is_some() {
                // It is not plain text, but text all the same.
                evidence.ruled_out.remove(Protocol::Text);
            }
            if looks_like_quic_from_the_middle(opening) {
                evidence.ruled_out.remove(Protocol::Quic);
            }
        }
        // A responder that has sent nothing yet may surprise every detector, but is not awaited for
        // ever.
        let both = opening.sides().all(|(_, stream)| !stream.is_empty());
        let complete = both || opening.pushes() >= PATIENCE;
        evidence.wanted =
            if wanted == Wanted::Nothing && !complete { Wanted::More } else { wanted };
        evidence
    }

    /// Whether each side that sent anything was captured from its first byte, and the detectors to
    /// be called.
    fn candidates(&self, opening: &Opening) -> (bool, BitSet<WORDS>) {
        let from_start =
            opening.sides().all(|(_, stream)| stream.is_empty() || stream.from_start());
        let tables = self.tables(opening.transport());
        let candidates = if from_start {
            tables.candidates(opening)
        } else {
            tables.mid_stream_candidates(opening)
        };
        (from_start, candidates)
    }
}

/// Adds what a detector recognised to the evidence.
fn recognise(
    evidence: &mut Evidence,
    opening: &Opening,
    detector: &Detector,
    recognition: Recognition,
) {
    let Recognition { protocol, facts, proved_by, roles, awaits_answer, failure } = recognition;
    let sent = |direction| !opening.side(direction).is_empty();
    evidence.protocol = Some(protocol);
    evidence.facts = facts;
    evidence.proved_by = proved_by
        .or_else(|| ProvedBy::from_sides(sent(Direction::Initiator), sent(Direction::Responder)));
    evidence.roles = roles;
    evidence.one_way = detector.one_way && !awaits_answer;
    evidence.failure = failure;
}

/// Whether the bytes were captured whole and from their beginning, so that the refusals of detectors
/// rule their protocols out: a stream without a gap, or several datagrams most of which were not
/// cut. A single datagram may be the odd one of its conversation.
fn is_whole(opening: &Opening) -> bool {
    match opening.transport() {
        Transport::Tcp => opening.sides().all(|(_, stream)| {
            let is_whole = stream.head_may_grow() || stream.is_full();
            stream.is_empty()
                || stream.from_start() && is_whole && stream.head().len() == stream.bytes().len()
        }),
        Transport::Udp => {
            let (mut whole, mut cut) = (0, 0);
            for (.., is_cut) in first_datagrams(opening) {
                *(if is_cut { &mut cut } else { &mut whole }) += 1;
            }
            whole >= 2 && whole > cut
        }
    }
}

/// Whether most datagrams may be of a QUIC connection that began before the capture: after the
/// handshake they have the short header, which shows nothing but a bit that is set and one that is
/// not (RFC 9000, section 17.3).
fn looks_like_quic_from_the_middle(opening: &Opening) -> bool {
    const FORM_AND_FIXED_BIT: u8 = 0xc0;
    const SHORT: u8 = 0x40;
    let is_short = |(bytes, ..): &(&[u8], _, _)| {
        bytes.first().is_some_and(|b| b & FORM_AND_FIXED_BIT == SHORT)
    };
    opening.transport() == Transport::Udp
        && first_datagrams(opening).filter(is_short).count() * 2 > first_datagrams(opening).count()
}

/// The datagrams of each side that detectors read whole.
fn first_datagrams(opening: &Opening) -> impl Iterator<Item = (&[u8], u64, bool)> {
    opening.sides().flat_map(|(_, stream)| stream.datagrams().take(DATAGRAMS))
}

fn first_payload(opening: &Opening) -> Option<(u64, Direction)> {
    opening.sides().filter_map(|(direction, stream)| Some((stream.first_frame()?, direction))).min()
}

#[cfg(test)]
mod tests;
