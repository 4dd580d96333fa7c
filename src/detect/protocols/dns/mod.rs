//! DNS over UDP and TCP (RFC 1035, sections 4.1 and 4.2) and multicast DNS (RFC 6762): one message
//! format, two protocols.
//!
//! A message must have a plausible header and end with its last record. Multicast DNS is recognised
//! by an identifier of zero without recursion desired, and names below `local` or the top bit of a
//! class. Link-local name resolution, which shares the format, is told apart in [`llmnr`]; NetBIOS
//! names, which share it too, are none of the three.

pub(in crate::detect) mod answers;
pub(crate) mod llmnr;
pub(in crate::detect) mod long_names;
mod message;
mod name;

use std::borrow::Cow;

use self::message::{DnsMessage, Reading};
use self::name::HEADER;
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{
    DATAGRAMS, Side, Statement, by_deciding_datagrams, combine, has_no_message,
};
use crate::evidence::{Depth, Detection, Direction, Protocol, Role};
use crate::flow::Opening;
use crate::sentence::plural;

/// Bytes of the length before a message over TCP.
const LENGTH: usize = 2;
/// The bit of a response in the third byte.
const RESPONSE: u8 = 0x80;

pub(crate) const DETECTOR: Detector =
    Detector::new(Protocol::Dns, |opening, depth| inspect(opening, depth, Protocol::Dns))
        .udp()
        .tcp()
        // Over TCP: a length, an identifier, and an opcode in the first byte of the flags.
        .only_if(may_be)
        .prefilter(Prefilter::ANY.udp_at_least(HEADER).max_leading_zeros(1).skip(4).then(&[
            0x00..=0x07, 0x10..=0x17, 0x20..=0x2f, 0x80..=0x87, 0x90..=0x97, 0xa0..=0xaf,
        ]))
        .first_words()
        .facts(&["dns.query", "dns.response"])
        .samples(&[
            Sample {
                transport: Transport::Udp,
                initiator: &[b"\x1a\x2b\x01\0\0\x01\0\0\0\0\0\0\x04tide\x04test\0\0\x01\0\x01"],
                responder: &[b"\x1a\x2b\x81\x80\0\x01\0\x01\0\0\0\0\x04tide\x04test\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07"],
            },
            Sample {
                transport: Transport::Tcp,
                initiator: &[b"\0\x1b\x1a\x2b\x01\0\0\x01\0\0\0\0\0\0\x04tide\x04test\0\0\x06\0\x01"],
                responder: &[b"\0\x1b\x1a\x2b\x81\x83\0\x01\0\0\0\0\0\0\x04tide\x04test\0\0\x06\0\x01"],
            },
        ]);

pub(crate) const MULTICAST: Detector =
    Detector::new(Protocol::Mdns, |opening, depth| inspect(opening, depth, Protocol::Mdns))
        .udp()
        .prefilter(Prefilter::ANY.udp_at_least(HEADER))
        .shares_test()
        .first_words()
        .facts(&["mdns.query", "mdns.response"])
        .samples(&[Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_ipp\x04_tcp\x05local\0\0\x0c\x80\x01",
                b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x04buoy\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x07",
            ],
            responder: &[],
        }]);

/// Whether a datagram may be a message, or damaged in a conversation of such. Most are of something
/// else.
fn may_be(opening: &Opening) -> bool {
    opening.transport() == Transport::Tcp
        || !has_no_message(opening, message::may_be)
        || answers(opening)
}

fn inspect(opening: &Opening, depth: Depth, protocol: Protocol) -> Detection {
    combine(protocol, opening, depth, |statement| match opening.transport() {
        Transport::Udp => match datagrams(statement, opening, protocol) {
            // A damaged query is answered, and a damaged response is recognised by the identifier
            // that it echoes: the next message decides.
            Side::Other if protocol == Protocol::Dns && answers(opening) => Side::Perhaps,
            side => side,
        },
        Transport::Tcp => stream(statement, protocol),
    })
}

fn datagrams(statement: &mut Statement<'_>, opening: &Opening, protocol: Protocol) -> Side {
    by_deciding_datagrams(statement, |statement, bytes, offset, cut| {
        match message::read(bytes, cut) {
            Some(Reading::Message(message))
                if message.multicast == (protocol == Protocol::Mdns) =>
            {
                state(statement, protocol, &message, offset);
                Side::Matches
            }
            // No name server is asked at a group address.
            Some(Reading::LinkLocal(_)) if opening.is_to_group() => Side::Other,
            Some(Reading::Perhaps | Reading::LinkLocal(_)) => Side::Perhaps,
            None if cut && bytes.len() < HEADER => Side::Perhaps,
            Some(Reading::Message(_)) | None => Side::Other,
        }
    })
}

/// Whether a datagram of one side is a response with the identifier of one of the other's queries.
fn answers(opening: &Opening) -> bool {
    let headers = |direction| {
        opening
            .side(direction)
            .datagrams()
            .take(DATAGRAMS)
            .filter_map(|(bytes, _, _)| bytes.first_chunk())
    };
    let [initiator, responder] = Direction::BOTH;
    [(initiator, responder), (responder, initiator)].into_iter().any(|(client, server)| {
        let fits = |[a, b, flags, ..]: &[u8; HEADER]| {
            let is_query =
                |query: &[u8; HEADER]| query[..2] == [*a, *b] && query[2] & RESPONSE == 0;
            flags & RESPONSE != 0 && headers(client).any(is_query)
        };
        headers(server).any(fits)
    })
}

fn stream(statement: &mut Statement<'_>, protocol: Protocol) -> Side {
    let bytes = statement.stream.head();
    let Some(length) = bytes.first_chunk::<LENGTH>() else { return Side::Perhaps };
    let length = usize::from(u16::from_be_bytes(*length));
    // The shortest message is a question for the root.
    if length < 17 {
        return Side::Other;
    }
    let body = bytes.get(LENGTH..).unwrap_or(&[]);
    // The counts and the opcode of the header exclude other protocols long before the message is
    // whole.
    if body.get(2).is_some_and(|flags| !matches!(flags >> 3 & 15, 0 | 2 | 4 | 5))
        || body.get(4).is_some_and(|&high| high != 0)
    {
        return Side::Other;
    }
    let whole = body.get(..length);
    match (whole, message::read(whole.unwrap_or(body), whole.is_none())) {
        (Some(_), Some(Reading::Message(message))) => {
            state(statement, protocol, &message, 0);
            Side::Matches
        }
        (None, Some(_)) | (Some(_), Some(Reading::Perhaps | Reading::LinkLocal(_))) => {
            Side::Perhaps
        }
        (None, None) if body.len() < HEADER => Side::Perhaps,
        (_, None) => Side::Other,
    }
}

fn state(statement: &mut Statement<'_>, protocol: Protocol, message: &DnsMessage, offset: usize) {
    statement.role(if message.response { Role::Server } else { Role::Client });
    if !statement.wants_facts() {
        return;
    }
    let multicast = protocol == Protocol::Mdns;
    if message.response {
        let name = if multicast { "mdns.response" } else { "dns.response" };
        statement.fact_text(name, outcome(message), offset);
    } else {
        let name = if multicast { "mdns.query" } else { "dns.query" };
        statement.fact_text(name, described(message), offset);
    }
}

/// What a message is about: a name and the type of a record.
fn described(message: &DnsMessage) -> String {
    format!("{} {}", message.about, message::kind_name(message.kind))
}

/// What a response is about and says.
fn outcome(message: &DnsMessage) -> String {
    let (about, rcode) = (described(message), rcode_name(message.rcode));
    format!("{about}: {rcode}, {}", plural(message.answers.into(), "answer"))
}

fn rcode_name(rcode: u16) -> Cow<'static, str> {
    match rcode {
        0 => "NOERROR".into(),
        1 => "FORMERR".into(),
        2 => "SERVFAIL".into(),
        3 => "NXDOMAIN".into(),
        4 => "NOTIMP".into(),
        5 => "REFUSED".into(),
        other => format!("RCODE{other}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_dns(datagram: &[u8]) -> bool {
        matches!(
            inspect(
                &Opening::from_payloads(Transport::Udp, &[datagram], &[]),
                Depth::Facts,
                Protocol::Dns
            ),
            Detection::Yes(..)
        )
    }

    #[test]
    fn a_damaged_query_that_is_answered_waits_for_the_next() {
        let junk = [&b"\x30\x40\x01\0\0\x01\0\0\0\0\0\0"[..], &[0xff; 48]].concat();
        let refused: &[u8] = b"\x30\x40\x80\x81\0\0\0\0\0\0\0\0";
        let [query, response] =
            [DETECTOR.samples[0].initiator[0], DETECTOR.samples[0].responder[0]];
        let detect = |client: &[&[u8]], server: &[&[u8]]| {
            let [forth, back] =
                [(client, server), (server, client)].map(|(initiator, responder)| {
                    let opening = Opening::from_payloads(Transport::Udp, initiator, responder);
                    inspect(&opening, Depth::Facts, Protocol::Dns)
                });
            match (forth, back) {
                (Detection::Yes(forth), Detection::Yes(back)) => {
                    assert_eq!(forth.roles[0], back.roles[1]);
                    Some(forth.roles)
                }
                (forth, back) => {
                    assert_eq!([forth, back], [Detection::NeedMore, Detection::NeedMore]);
                    None
                }
            }
        };
        assert_eq!(detect(&[&junk], &[refused]), None);
        let roles = [Some(Role::Client), Some(Role::Server)];
        assert_eq!(detect(&[&junk, query], &[refused, response]), Some(roles));
        assert_eq!(detect(&[&junk, query, query], &[refused, response, response]), Some(roles));
    }

    #[test]
    fn netbios_names_are_no_dns_even_with_a_damaged_letter() {
        let sound =
            b"\x85\x3d\x01\x10\0\x01\0\0\0\0\0\0\x20EFEDEJFPEEEPENEBEJEOCACACACACABM\0\0\x20\0\x01";
        let mut damaged = sound.to_vec();
        damaged[40] = 0xf5;
        assert!(!is_dns(sound) && !is_dns(&damaged));
    }

    #[test]
    fn without_any_flag_and_identifier_a_question_may_be_link_local_whatever_its_name() {
        assert!(!is_dns(b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04tide\x04test\0\0\x1c\0\x01"));
        assert!(is_dns(b"\x1a\x2b\0\0\0\x01\0\0\0\0\0\0\x04tide\x04test\0\0\x1c\0\x01"));
    }
}
