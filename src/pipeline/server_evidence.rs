//! What the opening of one flow proves of its server: frames, names, the product, and a first line
//! where nothing is proved. A flow stores only the number of a verdict that many flows share, so
//! this is taken when it is classified.

use super::anomalies;
use super::flow_evidence::EvidenceSink;
use crate::classify::{Verdict, mark_frame};
use crate::decode::{Endpoint, Transport};
use crate::detect::{self, AnsweredName};
use crate::evidence::{Direction, Evidence, Fact, Protocol, ProvedBy};
use crate::flow::Opening;
use crate::stats::{ServerEvidence, ServerKey, TextSource};

/// The facts with names by which clients call servers.
const SERVER_NAMES: [(&str, TextSource); 3] = [
    ("tls.sni", TextSource::Sni),
    ("quic.sni", TextSource::Sni),
    ("http.request-header.host", TextSource::Host),
];

/// What begins a control sequence of a terminal (ECMA-48), and what ends a title in one.
const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// The longest first line in characters, and the least that are to be seen of it.
const LINE: usize = 64;
const LEAST_VISIBLE: usize = 3;
/// Bytes in which a line is looked for.
const WINDOW: usize = 256;

/// Keeps what a flow that has been classified proves of its server, and what is odd about it.
pub(super) fn keep(
    servers: &mut impl EvidenceSink,
    endpoints: [Endpoint; 2],
    opening: &Opening,
    proof: (&Verdict, &Evidence),
) {
    let server = ServerKey::new(endpoints[1], opening.transport());
    if let Some(tampered) = opening.tampered() {
        // Nobody knows whose bytes they are: they show nothing else.
        anomalies::keep_tampered(servers, server, proof.0.protocol, tampered);
        if proof.0.protocol.is_some() {
            keep_proof(servers, endpoints, opening, proof);
        }
    } else if proof.0.protocol.is_none() {
        keep_unrecognised(servers, endpoints[1], opening);
    } else {
        keep_proof(servers, endpoints, opening, proof);
        anomalies::keep(servers, server, opening, proof);
    }
}

/// Keeps what a flow of no known protocol shows: its first line and, if that is readable, the prompt
/// of a shell. Most of what is not recognised is not readable.
fn keep_unrecognised(servers: &mut impl EvidenceSink, responder: Endpoint, opening: &Opening) {
    if keep_first_line(servers, responder, opening) || is_unanswered_line(opening) {
        let server = ServerKey::new(responder, opening.transport());
        anomalies::keep_prompt(servers, server, opening);
    }
}

/// Whether a client over TCP begins readably and is not answered, as a reverse shell that nobody uses
/// yet.
fn is_unanswered_line(opening: &Opening) -> bool {
    opening.transport() == Transport::Tcp
        && opening.side(Direction::Responder).is_empty()
        && leading_line(opening.side(Direction::Initiator).head()).is_some()
}

/// Keeps what a flow proves of its server, if the server has sent payload, or need not send any.
fn keep_proof(
    servers: &mut impl EvidenceSink,
    endpoints: [Endpoint; 2],
    opening: &Opening,
    (verdict, evidence): (&Verdict, &Evidence),
) {
    keep_answers(servers, opening, verdict.protocol);
    if verdict.protocol == Some(Protocol::Text) {
        keep_first_line(servers, endpoints[1], opening);
    }
    let to_group = opening.is_to_group() && opening.side(Direction::Responder).is_empty();
    let transport = opening.transport();
    let server = ServerKey::of_flow(endpoints, transport, (to_group, verdict.announces));
    let Some((key, is_announced)) = server else { return };
    let is_silent = opening.side(Direction::Responder).is_empty();
    if is_silent && !evidence.one_way && !is_announced {
        return;
    }
    let names = evidence.facts.iter().filter_map(name).filter(|_| !is_announced);
    let first_frame = evidence.first_payload.map_or(0, |(frame, _)| frame);
    let product = verdict.product.as_deref();
    let product = product.map(|product| (TextSource::Product, product, first_frame));
    let texts: Vec<_> = names.chain(product).collect();
    servers.take_evidence(
        key,
        &ServerEvidence {
            confidence: verdict.confidence,
            protocol: verdict.protocol,
            service: verdict.service.as_ref(),
            also: &verdict.also,
            first_frame,
            proof_frame: &|service| match service {
                Some(service) => mark_frame(service, &evidence.facts),
                None => Some(opening.side(proving_side(opening, evidence)).frame_at(0)),
            },
            texts: &texts,
            framings: anomalies::answered_framings(evidence),
        },
    );
}

/// Keeps the names that the answers of DNS and its kin give to addresses.
fn keep_answers(servers: &mut impl EvidenceSink, opening: &Opening, protocol: Option<Protocol>) {
    let source = match protocol {
        Some(Protocol::Dns) => TextSource::Dns,
        Some(Protocol::Mdns) => TextSource::Mdns,
        Some(Protocol::Llmnr) => TextSource::Llmnr,
        _ => return,
    };
    for AnsweredName { address, port, mut name, frame } in detect::answered_names(opening) {
        if source == TextSource::Dns {
            // Resolvers mix the case to make guesses harder.
            name.make_ascii_lowercase();
        }
        servers.take_name((address, port), (source, &name), frame);
    }
}

/// Keeps the first line of a flow of no known protocol, or of plain text, if the responder has
/// answered; not one that may have a secret. Returns whether a side begins readably.
fn keep_first_line(
    servers: &mut impl EvidenceSink,
    responder: Endpoint,
    opening: &Opening,
) -> bool {
    if opening.side(Direction::Responder).is_empty() {
        return false;
    }
    let transport = opening.transport();
    let endpoints = [responder, responder];
    let Some((line, frame)) = first_line(opening) else { return false };
    if let Some(line) = line
        && let Some((key, _)) = ServerKey::of_flow(endpoints, transport, (false, false))
    {
        servers.take_first_line(key, &line, frame);
    }
    true
}

/// The first line of the side that spoke first, else of the other, and the number of its frame. A
/// side begins with a line or has none. No text where the line may have a secret.
fn first_line(opening: &Opening) -> Option<(Option<String>, u64)> {
    let mut sides = Direction::BOTH.map(|direction| opening.side(direction));
    sides.sort_by_key(|side| side.first_frame().unwrap_or(u64::MAX));
    sides.into_iter().find_map(|side| {
        let bytes = match opening.transport() {
            Transport::Tcp => side.head(),
            Transport::Udp => side.datagrams().next().map_or(&[][..], |(bytes, _, _)| bytes),
        };
        let (at, line) = leading_line(bytes)?;
        let is_shown = !detect::may_be_secret(line.as_bytes());
        let text = is_shown.then(|| line.trim_end().chars().take(LINE).collect());
        Some((text, side.frame_at(at)))
    })
}

/// The line with which bytes begin, and its offset, if it is readable. Colours and titles of
/// terminals belong to it.
fn leading_line(bytes: &[u8]) -> Option<(usize, &str)> {
    let bytes = bytes.get(..WINDOW).unwrap_or(bytes);
    let at = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let rest = bytes.get(at..)?;
    // Nearly all bytes of no known protocol end here.
    let may_be_text = |byte: &u8| matches!(*byte, b' '..=b'~' | 0x80.. | b'\t' | BELL | ESCAPE);
    let first = rest.get(..LEAST_VISIBLE).unwrap_or(rest);
    if matches!(*rest.first()?, 0x80..0xc2) || !first.iter().all(may_be_text) {
        return None;
    }
    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let line = rest.get(..end.unwrap_or(rest.len()))?;
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if end.is_none() && error.error_len().is_none() => {
            std::str::from_utf8(line.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_readable =
        text.bytes().all(|b| !b.is_ascii_control() || matches!(b, b'\t' | BELL | ESCAPE));
    let visible = text.chars().filter(|c| !c.is_whitespace() && !c.is_control());
    (is_readable && visible.take(LEAST_VISIBLE).count() == LEAST_VISIBLE).then_some((at, text))
}

/// The side whose bytes prove the protocol: the server's, if they do.
fn proving_side(opening: &Opening, evidence: &Evidence) -> Direction {
    let is_clients = evidence.proved_by == Some(ProvedBy::Initiator)
        || opening.side(Direction::Responder).is_empty();
    if is_clients { Direction::Initiator } else { Direction::Responder }
}

/// The name of the server in a client's fact, and its frame.
fn name(fact: &Fact) -> Option<(TextSource, &str, u64)> {
    let (_, source) = SERVER_NAMES.iter().find(|(name, _)| fact.name.is(name))?;
    let is_clients = fact.direction == Direction::Initiator;
    is_clients.then_some((*source, fact.value.as_str(), fact.frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(initiator: &[&[u8]], responder: &[&[u8]]) -> Option<(String, u64)> {
        let (text, frame) =
            first_line(&Opening::from_payloads(Transport::Tcp, initiator, responder))?;
        Some((text?, frame))
    }

    #[test]
    fn the_side_that_speaks_first_gives_the_line_if_it_is_readable() {
        let prompt: &[u8] = b"\r\nbash-5.2# id\r\nuid=0(root) gid=0(root)\r\n";
        assert_eq!(line(&[], &[prompt]), Some(("bash-5.2# id".into(), 1)));
        assert_eq!(line(&[b"\x02\0\0hello"], &[prompt]), Some(("bash-5.2# id".into(), 2)));
        assert_eq!(line(&[b"WHO ARE YOU\n"], &[prompt]).unwrap().0, "WHO ARE YOU");
        let coloured: &[u8] = b"\x1b[01;32mroot@host\x1b[0m:/# ";
        assert_eq!(line(&[], &[coloured]).unwrap().0.as_bytes(), coloured.trim_ascii_end());
    }

    #[test]
    fn a_line_is_cut_and_shows_neither_secrets_nor_bytes_of_no_text() {
        let long = "é".repeat(500);
        let (cut, _) = line(&[], &[long.as_bytes()]).unwrap();
        assert_eq!(cut.chars().count(), LINE);
        for none in [
            &b"\0\x01\x02\x03"[..],
            b"EXL\0rest",
            b"caf\xe9 au lait\n",
            b"ok\n",
            b"Password: ",
            b"AUTH hunter2\n",
        ] {
            assert_eq!(line(&[], &[none]), None, "{}", none.escape_ascii());
        }
        // What follows a line with a secret is not shown in its place.
        assert_eq!(line(&[b"hunter2 is it\n"], &[]).unwrap().0, "hunter2 is it");
        let login = Opening::from_payloads(Transport::Tcp, &[b"token x\n"], &[b"welcome back\n"]);
        assert_eq!(first_line(&login), Some((None, 1)), "readable, and not shown");
    }
}
