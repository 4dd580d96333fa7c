//! QUIC: version 1 (RFC 9000), version 2 (RFC 9369), drafts from 21 on, and Google's versions
//! before TLS.
//!
//! A client's first packet is encrypted with a key that follows from the packet: that it can be
//! decrypted is the proof. Where the version is unknown, the server's negotiation (RFC 8999,
//! section 6), which must echo the client's identifiers, is. Where the client's first packet was
//! not captured, or not whole, long headers of a known version whose lengths fit the datagram to
//! the byte are. Packets with short headers have nothing that can be recognised: they may always be
//! those of a connection that was open before the capture.

mod client;
mod google;
mod layout;
mod packet;
mod version;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::tls_hello::{CLIENT_HELLO, Hello, HelloKind, MESSAGE_HEADER};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{PATIENCE, Statement};
use crate::evidence::{Depth, Detection, Direction, Fact, Protocol, ProvedBy, Recognition, Role};
use crate::flow::{Opening, Stream};
use client::{Client, SHORTEST};
use layout::SideLayout;
use packet::{Bounds, FIXED, LongHeader, PacketType};

/// Bytes of identifiers that a negotiation must echo at least.
const ECHO: usize = 8;
/// Answers of which one must be to the client.
const ANSWERS: usize = 4;
/// Versions of a negotiation that are stated at most.
const VERSIONS: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Quic, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[
        0x09..=0x0f,
        0x19..=0x1f,
        0x29..=0x2f,
        0x39..=0x3f,
        0x40..=0xff,
    ]))
    .first_words()
    .facts(&["quic.version", "quic.sni", "quic.alpn", "quic.ja4", "quic.user-agent"])
    .facts_at_any_depth(&["quic.sni", "quic.alpn"])
    .samples(&[
        Sample { transport: Transport::Udp, initiator: &[RFC_9001], responder: &[SERVER_SAMPLE] },
        Sample {
            transport: Transport::Udp,
            initiator: &[&UNKNOWN_SAMPLE],
            responder: &[NEGOTIATION_SAMPLE],
        },
        Sample { transport: Transport::Udp, initiator: &[GOOGLE_SAMPLE], responder: &[] },
    ]);

/// The client's packet of RFC 9001, appendix A.2, with the host name `example.com`.
const RFC_9001: &[u8] = include_bytes!("rfc9001-a2.bin");
/// The beginning of an answer to it.
const SERVER_SAMPLE: &[u8] =
    b"\xcf\0\0\0\x01\0\x08\xf0\x67\xa5\x50\x2a\x42\x62\xb5\0\x40\x16\xc0\xd9\x5a\x48\x2c\xd0\x99\x1c\xd2\x5b\
    \x0a\xac\x40\x6a\x58\x16\xb6\x39\x41\x00";
/// A packet of a version that is reserved to test negotiation, and the negotiation.
const UNKNOWN_SAMPLE: [u8; SHORTEST] = {
    let head = b"\xca\x1a\x2a\x3a\x4a\x08clientid\x04mine";
    let mut datagram = [0; SHORTEST];
    let mut at = 0;
    while at < head.len() {
        datagram[at] = head[at];
        at += 1;
    }
    datagram
};
const NEGOTIATION_SAMPLE: &[u8] = b"\x8c\0\0\0\0\x04mine\x08clientid\0\0\0\x01\x6b\x33\x43\xcf";
/// A greeting of Q043 with the tags `SNI` and `UAID`.
const GOOGLE_SAMPLE: &[u8] =
    b"\x0d8bytesidQ043\x01hash of 12 b\xa0\x01\x00\x04CHLO\x02\0\0\0SNI\0\x06\0\0\0UAID\x0d\0\0\0a.testagent/1";

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    if opening.is_silent() {
        return Detection::NeedMore;
    }
    let mut detection = Detection::No;
    for (direction, other) in
        [(Direction::Initiator, Direction::Responder), (Direction::Responder, Direction::Initiator)]
    {
        let (client, server) = (opening.side(direction), opening.side(other));
        // The first packet of a client has its version where its flags announce it.
        if !client
            .bytes()
            .first()
            .is_some_and(|&first| first & 0xc0 == 0xc0 || first & 0xc9 == 0x09)
        {
            continue;
        }
        let mut facts = Vec::new();
        let mut answered = !server.is_empty();
        let statement = &mut Statement::new(opening, depth, direction, &mut facts);
        let whole =
            match Client::read(client) {
                Some(client) if refuses(server, client.source) => return Detection::No,
                Some(client) => state_client(statement, client),
                None if state_google(statement) => {
                    if server.datagrams().next().is_some_and(|answer| {
                        client.datagrams().any(|datagram| datagram.0 == answer.0)
                    }) {
                        return Detection::No;
                    }
                    answered = false;
                    true
                }
                None => match negotiation(client, server) {
                    Some(versions) => {
                        let statement = &mut Statement::new(opening, depth, other, &mut facts);
                        versions.into_iter().for_each(|v| {
                            statement.fact("quic.version", version::name(v).as_bytes(), 0);
                        });
                        // The client will begin again, in a known version.
                        false
                    }
                    None if server.is_empty() && tests_negotiation(client) => {
                        let number = first_header(client).map_or(0, |header| header.version);
                        statement.fact("quic.version", version::name(number).as_bytes(), 1);
                        false
                    }
                    None => {
                        // Only a negotiation can prove an unknown version.
                        let unknown = first_header(client)
                            .is_some_and(|header| version::known(header.version).is_none());
                        if unknown && server.is_empty() && opening.pushes() < PATIENCE {
                            detection = Detection::NeedMore;
                        }
                        continue;
                    }
                },
            };
        if let Some(chosen) = upgraded(server, &facts) {
            facts.retain(|fact| fact.name.stem != "quic.version");
            let statement = &mut Statement::new(opening, depth, other, &mut facts);
            statement.fact("quic.version", chosen.as_bytes(), 0);
        }
        let mut recognition = Recognition::new(Protocol::Quic, facts);
        recognition.roles[direction as usize] = Some(Role::Client);
        if answered {
            recognition.roles[other as usize] = Some(Role::Server);
        }
        let proves = |side| side == direction || answered;
        recognition.proved_by =
            ProvedBy::from_sides(proves(Direction::Initiator), proves(Direction::Responder));
        return if whole { Detection::Yes(recognition) } else { Detection::Partly(recognition) };
    }
    if detection == Detection::NeedMore { detection } else { by_layout(opening, depth) }
}

/// Judges by the long headers of both sides, none of which could be decrypted.
fn by_layout(opening: &Opening, depth: Depth) -> Detection {
    let layouts = Direction::BOTH
        .map(|side| SideLayout::read(opening.side(side), opening.side(side.opposite())));
    let proves = |side| matches!(layouts[side as usize], SideLayout::Proved { .. });
    let Some(proved_by) =
        ProvedBy::from_sides(proves(Direction::Initiator), proves(Direction::Responder))
    else {
        let open = layouts.iter().all(|layout| *layout != SideLayout::Other);
        return if open { Detection::NeedMore } else { Detection::No };
    };
    if layouts.contains(&SideLayout::Other) {
        return Detection::No;
    }
    let mut facts = Vec::new();
    let mut roles = [None; 2];
    for side in Direction::BOTH {
        let SideLayout::Proved { version, role, at } = layouts[side as usize] else { continue };
        roles[side as usize] = role;
        if !facts.iter().any(|fact: &Fact| fact.value == version::name(version)) {
            let statement = &mut Statement::new(opening, depth, side, &mut facts);
            statement.fact("quic.version", version::name(version).as_bytes(), at);
        }
    }
    Detection::Partly(Recognition {
        proved_by: Some(proved_by),
        roles,
        ..Recognition::new(Protocol::Quic, facts)
    })
}

/// The header of a side's first datagram, if it is long enough for a client.
fn first_header(client: &Stream) -> Option<LongHeader<'_>> {
    let (datagram, _, _) = client.datagrams().next()?;
    LongHeader::read(datagram).filter(|header| header.version != 0 && datagram.len() >= SHORTEST)
}

/// Whether a side begins with a packet of a reserved version that has the layout of version 1, all
/// of whose lengths fit the datagram.
fn tests_negotiation(client: &Stream) -> bool {
    let Some((datagram, _, false)) = client.datagrams().next() else { return false };
    let Some(header) = first_header(client).filter(|header| version::is_reserved(header.version))
    else {
        return false;
    };
    let laid_out =
        version::known(1).and_then(|first| Bounds::read(&header, datagram, datagram.len(), first));
    header.destination.len() >= ECHO
        && laid_out.is_some_and(|b| b.kind == PacketType::Initial && b.end == datagram.len())
}

/// Whether the answer is not to this client: an answer has the client's own identifier as its
/// destination.
fn refuses(server: &Stream, source: &[u8]) -> bool {
    let fits = |answer: &[u8]| match (LongHeader::read(answer), answer) {
        (Some(header), _) => header.destination == source,
        (None, [first, behind @ ..]) => first & FIXED != 0 && behind.starts_with(source),
        (None, []) => false,
    };
    !server.is_empty() && !server.datagrams().take(ANSWERS).any(|(answer, _, _)| fits(answer))
}

/// The version of the server's answer, where it chose another (RFC 9368).
fn upgraded(server: &Stream, facts: &[Fact]) -> Option<String> {
    let (answer, _, _) = server.datagrams().next()?;
    let chosen = version::known(LongHeader::read(answer)?.version)?;
    let chosen = version::name(chosen.number);
    (!facts.iter().any(|fact| fact.name.stem == "quic.version" && fact.value == chosen))
        .then_some(chosen)
}

/// States the facts of a client; returns whether its whole hello was captured.
fn state_client(statement: &mut Statement<'_>, mut client: Client<'_>) -> bool {
    statement.fact("quic.version", version::name(client.version.number).as_bytes(), client.at);
    let handshake = client.handshake();
    if client.version.number == version::Q050 {
        let Some(hello) = google::Chlo::find(&handshake) else { return true };
        state_tags(statement, &hello, client.at);
        return true;
    }
    let [CLIENT_HELLO, a, b, c, body @ ..] = &handshake[..] else { return false };
    let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    let Ok(hello) = Hello::read(HelloKind::Client, &body[..len.min(body.len())], len) else {
        return false;
    };
    let place = |at: usize| client.place(at + MESSAGE_HEADER);
    if let Some((name, at)) = hello.server_name() {
        statement.fact("quic.sni", name, place(at));
    }
    for (protocol, at) in hello.protocols() {
        statement.fact("quic.alpn", protocol, place(at));
    }
    if let Some(print) = statement.wants_facts().then(|| hello.ja4('q')).flatten() {
        statement.fact("quic.ja4", print.as_bytes(), client.at);
    }
    hello.whole
}

/// States the facts of Google's `CHLO` in the clear.
fn state_google(statement: &mut Statement<'_>) -> bool {
    let Some((datagram, _, false)) = statement.stream.datagrams().next() else { return false };
    let (Some(version), Some(hello)) = (google::version(datagram), google::Chlo::find(datagram))
    else {
        return false;
    };
    statement.fact("quic.version", version, 0);
    state_tags(statement, &hello, 0);
    true
}

fn state_tags(statement: &mut Statement<'_>, hello: &google::Chlo<'_>, at: usize) {
    for (fact, value) in [("quic.sni", hello.server_name), ("quic.user-agent", hello.user_agent)] {
        if let Some(value) = value {
            statement.fact(fact, value, at);
        }
    }
}

/// The versions that a server offers instead: it echoes both identifiers, each in the other's
/// place.
fn negotiation(client: &Stream, server: &Stream) -> Option<Vec<u32>> {
    let request = first_header(client)?;
    let (answer, _, cut) = server.datagrams().next()?;
    let header = LongHeader::read(answer).filter(|header| header.version == 0 && !cut)?;
    let echoed = header.destination == request.source && header.source == request.destination;
    let list = answer.get(header.rest..).filter(|list| !list.is_empty() && list.len() % 4 == 0)?;
    let versions = list.chunks_exact(4).map(|v| u32::from_be_bytes([v[0], v[1], v[2], v[3]]));
    let proved = echoed && header.destination.len() + header.source.len() >= ECHO;
    let versions: Vec<u32> =
        versions.filter(|&v| !version::is_reserved(v)).take(VERSIONS).collect();
    (proved && !versions.is_empty()).then_some(versions)
}

#[cfg(test)]
mod tests;
