//! Every detector, and the question of all of them together.

mod tables;

use super::detector::Detector;
use super::protocols::{
    amqp, artnet, bittorrent, csta, dhcp, dis, dns, ftp, hbci, http, http2, imap, ipa, iperf3,
    kafka, ldap, memcached, mongodb, mqtt, mysql, nats, netflow, ntp, osc, pop3, postgresql, quic,
    rdp, redis, rtp, sacn, sip, smb, smtp, snmp, ssh, stun, syslog, text, tls, vnc, watchout,
    wireguard,
};
use super::statement::{PARTLY_PATIENCE, PATIENCE};
use crate::evidence::{Direction, Evidence, Finding, ProtocolSet, Wanted};
use crate::flow::Opening;

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

/// Asks the detectors in turn until one says yes: it names the language. Where none does, those
/// that said no are ruled out.
#[must_use]
pub fn inspect(opening: &Opening) -> Evidence {
    let mut evidence = Evidence { first_payload: first_payload(opening), ..Evidence::default() };
    let mut wanted = Wanted::Nothing;
    let (whole, asked) = asked(opening);
    let spoken = tables::spoken(opening.transport());
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
    (whole, if whole { tables::candidates(opening) } else { tables::joined(opening) })
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

/// Whether a detector states this fact.
#[must_use]
pub fn is_stated(fact: &str) -> bool {
    DETECTORS.iter().any(|detector| detector.states(fact))
}

fn first_payload(opening: &Opening) -> Option<(u64, Direction)> {
    opening.sides().filter_map(|(direction, stream)| Some((stream.first_frame()?, direction))).min()
}
