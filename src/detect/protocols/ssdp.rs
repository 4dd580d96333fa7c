//! SSDP over UDP: `UPnP` Device Architecture 2.0, section 1
//! (<https://openconnectivity.org/upnp-specs/UPnP-arch-DeviceArchitecture-v2.0-20200417.pdf>).
//!
//! The start line is one of three of HTTP's, and the proof is a header field that HTTP does not have.
//! Who searches is the client; who answers or announces a device is the server, also where it sends
//! first.

use httparse::Header;
use memchr::memmem::find;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::headers::{FieldRoom, field, field_names, read_fields, start_line_end};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.";
const NOTIFY: &[u8] = b"NOTIFY * HTTP/1.";
const RESPONSE: &[u8] = b"HTTP/1.1 200";
/// Bytes of a start line at most.
const START_LINE: usize = 64;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ssdp, inspect)
    .udp()
    .prefilter(
        Prefilter::first_byte(&[b'H'..=b'H', b'M'..=b'N'])
            .udp_then(&[b'T'..=b'T', b'-'..=b'-', b'O'..=b'O'])
            .udp_then(&[b'T'..=b'T', b'S'..=b'S']),
    )
    .first_words()
    .one_way()
    .facts(&[
        "ssdp.location",
        "ssdp.method",
        "ssdp.nt",
        "ssdp.nts",
        "ssdp.server",
        "ssdp.st",
        "ssdp.status",
        "ssdp.user-agent",
        "ssdp.usn",
    ])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\nUSER-AGENT: tide/1 UPnP/2.0 buoy/1\r\n\r\n"],
            responder: &[b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://192.0.2.1:49152/desc.xml\r\nSERVER: tide/1 UPnP/2.0 buoy/1\r\nST: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\n"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\nNTS: ssdp:byebye\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\n"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Ssdp, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let begins = |start: &[u8]| bytes.starts_with(start);
    let may_begin = |start: &[u8]| bytes.len() < start.len() && start.starts_with(bytes);
    // The field that HTTP does not have, among those of such a message.
    let (role, fields): (_, &[&[u8]]) = match () {
        () if begins(SEARCH) => (Role::Client, &[b"ST", b"MAN"]),
        () if begins(NOTIFY) => (Role::Server, &[b"NT", b"NTS", b"USN"]),
        () if begins(RESPONSE) => (Role::Server, &[b"ST", b"USN"]),
        () if cut && [SEARCH, NOTIFY, RESPONSE].into_iter().any(may_begin) => return Side::Perhaps,
        () => return Side::Other,
    };
    let unproved = if cut { Side::Perhaps } else { Side::Other };
    let Some(end) = start_line_end(bytes, START_LINE) else { return unproved };
    let behind = &bytes[end + 1..];
    let head_end =
        find(behind, b"\r\n\r\n").map(|i| i + 4).or_else(|| find(behind, b"\n\n").map(|i| i + 2));
    let head = &behind[..head_end.unwrap_or(behind.len())];
    let is_known = |name: &[u8]| fields.iter().any(|known| name.eq_ignore_ascii_case(known));
    if !field_names(head, |_| true).any(is_known) {
        return unproved;
    }
    let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
    // A field that is damaged takes the facts with it, not the protocol.
    let fields = read_fields(head, head_end.is_some(), &mut room, &mut scratch)
        .map_or(&[][..], |(_, fields)| fields);
    statement.role(role);
    match bytes {
        [b'H', ..] => statement.fact("ssdp.status", b"200", offset),
        [b'M', ..] => {
            statement.awaits_answer();
            statement.fact("ssdp.method", b"M-SEARCH", offset);
        }
        _ => statement.fact("ssdp.method", b"NOTIFY", offset),
    }
    state(statement, fields, offset);
    Side::Matches
}

fn state(statement: &mut Statement<'_>, fields: &[Header<'_>], offset: usize) {
    if !statement.wants_facts() {
        return;
    }
    for (name, header) in [
        ("ssdp.st", "st"),
        ("ssdp.nt", "nt"),
        ("ssdp.nts", "nts"),
        ("ssdp.usn", "usn"),
        ("ssdp.server", "server"),
        ("ssdp.location", "location"),
        ("ssdp.user-agent", "user-agent"),
    ] {
        if let Some(value) = field(fields, header).filter(|value| !value.is_empty()) {
            statement.fact(name, value, offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn who_announces_is_a_server_that_expects_no_answer() {
        let Detection::Yes(found) = detect(DETECTOR.samples[1].initiator, &[]) else { panic!() };
        assert_eq!(found.roles, [Some(Role::Server), None]);
        assert!(!found.awaits_answer);
        let stated: Vec<_> = found.facts.iter().map(|fact| fact.value.as_str()).collect();
        let usn = "uuid:1::upnp:rootdevice";
        assert_eq!(stated, ["NOTIFY", "upnp:rootdevice", "ssdp:byebye", usn]);
        let Detection::Yes(found) = detect(DETECTOR.samples[0].initiator, &[]) else { panic!() };
        assert_eq!(found.roles, [Some(Role::Client), None]);
        assert!(found.awaits_answer);
    }

    #[test]
    fn a_message_that_the_capture_cut_behind_its_proof_is_recognised() {
        let whole: &[u8] = b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: upnp:rootde";
        let of = |len: usize| {
            inspect(&Opening::from_datagrams(&[(0, &whole[..len], 400)]), Depth::Facts)
        };
        assert_eq!(of(40), Detection::NeedMore);
        assert!(matches!(of(whole.len()), Detection::Yes(_)));
    }

    #[test]
    fn other_messages_in_the_form_of_http_over_udp_are_not_ssdp() {
        for bytes in [
            &b"NOTIFY sip:a SIP/2.0\r\nVia: x\r\nNT: x\r\n\r\n"[..],
            b"NOTIFY /event HTTP/1.1\r\nNT: upnp:event\r\n\r\n",
            b"NOTIFY * HTTP/1.1\r\nHost: a\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\nST: a\r\n\r\n",
            b"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\nInfohash: 0\r\n\r\n",
            b"M-SEARCH",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No, "{}", bytes.escape_ascii());
        }
    }
}
