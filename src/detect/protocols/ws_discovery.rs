//! WS-Discovery over UDP, by which printers, cameras and Windows find each other: the version of
//! April 2005 (<http://specs.xmlsoap.org/ws/2005/04/discovery/ws-discovery.pdf>) and that of OASIS
//! (<http://docs.oasis-open.org/ws-dd/discovery/1.1/wsdd-discovery-1.1-spec.html>, section 4).
//!
//! The proof is a SOAP envelope whose action is one of the namespace. Who probes is the client; who
//! matches, comes or goes is the server, also where it sends first.

use memchr::memmem::{find, find_iter};

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::csta_xml::{RootElement, root_element};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const NAMESPACES: [&[u8]; 2] = [
    b"http://schemas.xmlsoap.org/ws/2005/04/discovery",
    b"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
];
/// The actions, and who sends them.
const ACTIONS: [(&[u8], Role); 6] = [
    (b"Hello", Role::Server),
    (b"Bye", Role::Server),
    (b"Probe", Role::Client),
    (b"ProbeMatches", Role::Server),
    (b"Resolve", Role::Client),
    (b"ResolveMatches", Role::Server),
];
const ENVELOPE: &str = "Envelope";
const TYPES: &[u8] = b"Types";
/// Elements with types of which the text is looked for at most.
const ELEMENTS: usize = 8;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::WsDiscovery, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[
        b'<'..=b'<', b'\t'..=b'\n', b'\r'..=b'\r', b' '..=b' ', 0xef..=0xef,
    ]))
    .first_words()
    .one_way()
    .facts(&["ws-discovery.action", "ws-discovery.types"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><e:Header><w:MessageID>uuid:1</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To><w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header><e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"],
            responder: &[b"<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><e:Header><w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch><d:Types xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\">dn:NetworkVideoTransmitter</d:Types></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header><a:Action>http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/Bye</a:Action></s:Header><s:Body/></s:Envelope>"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::WsDiscovery, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let document = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    // White space of XML (XML 1.0, section 2.3), which a form feed is not.
    let spaces = document.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    let document = &document[spaces.count()..];
    let unproved = if cut { Side::Perhaps } else { Side::Other };
    // The rest is worth its time only where a namespace is there.
    let Some(namespace) = NAMESPACES.into_iter().find(|known| find(document, known).is_some())
    else {
        let may_begin = document.first().is_none_or(|&first| first == b'<');
        let is_mark_cut = cut && BYTE_ORDER_MARK.starts_with(document);
        return if may_begin || is_mark_cut { unproved } else { Side::Other };
    };
    match root_element(document) {
        RootElement::Named { name, .. } if name == ENVELOPE => {}
        RootElement::NotYet => return unproved,
        RootElement::Named { .. } | RootElement::NotXml => return Side::Other,
    }
    let document_at = bytes.len() - document.len();
    let Some((action, role, at)) = action(document, namespace) else { return unproved };
    statement.role(role);
    if role == Role::Client {
        statement.awaits_answer();
    }
    statement.fact("ws-discovery.action", action, offset + document_at + at);
    if let Some((types, at)) = types(document) {
        statement.fact("ws-discovery.types", types, offset + document_at + at);
    }
    Side::Matches
}

/// The action of the namespace that an element names, who sends it, and its offset.
fn action(document: &[u8], namespace: &[u8]) -> Option<(&'static [u8], Role, usize)> {
    find_iter(document, namespace).find_map(|at| {
        let at = at + namespace.len() + 1;
        let [b'/', word @ ..] = document.get(at - 1..)? else { return None };
        let len = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let ends = word.get(len).is_some_and(|&b| b == b'<' || b.is_ascii_whitespace());
        let known = ACTIONS.iter().find(|(action, _)| ends && *action == &word[..len])?;
        Some((known.0, known.1, at))
    })
}

/// The types that are looked for, or that a device has, and their offset.
fn types(document: &[u8]) -> Option<(&[u8], usize)> {
    let named = find_iter(document, TYPES).filter(|&at| {
        let before = at.checked_sub(1).and_then(|before| document.get(before));
        let behind = document.get(at + TYPES.len());
        // The end of an element has a name too.
        matches!(before, Some(b'<' | b':'))
            && behind.is_some_and(|&b| b == b'>' || b.is_ascii_whitespace())
    });
    named.take(ELEMENTS).find_map(|at| {
        let rest = document.get(at + TYPES.len()..)?;
        let begin = at + TYPES.len() + memchr::memchr(b'>', rest)? + 1;
        let text = document.get(begin..)?;
        let text = text[..memchr::memchr(b'<', text)?].trim_ascii_end();
        let begin = begin + text.len() - text.trim_ascii_start().len();
        (!text.is_empty()).then_some((text.trim_ascii_start(), begin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    fn found(detection: Detection) -> Recognition {
        match detection {
            Detection::Yes(found) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn action_and_types_are_stated_of_both_sides() {
        let sample = &DETECTOR.samples[0];
        let found = found(detect(sample.initiator, sample.responder));
        let stated: Vec<_> = found.facts.iter().map(|fact| fact.value.as_str()).collect();
        let types = "dn:NetworkVideoTransmitter";
        assert_eq!(stated, ["Probe", types, "ProbeMatches", types]);
        assert_eq!(found.roles, [Some(Role::Client), Some(Role::Server)]);
        assert!(found.awaits_answer);
    }

    #[test]
    fn who_comes_or_goes_is_a_server() {
        let found = found(detect(DETECTOR.samples[1].initiator, &[]));
        assert_eq!(found.roles, [Some(Role::Server), None]);
        assert!(!found.awaits_answer);
    }

    #[test]
    fn a_byte_order_mark_and_an_empty_list_of_types_change_nothing() {
        let text = String::from_utf8_lossy(DETECTOR.samples[0].initiator[0]);
        let marked = format!("\u{feff}\r\n{}", text.replace("dn:NetworkVideoTransmitter", " "));
        let facts = found(detect(&[marked.as_bytes()], &[])).facts;
        assert_eq!(facts.len(), 1);
    }

    #[test]
    fn other_xml_over_udp_is_no_discovery() {
        let namespace = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
        for text in [
            "<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'/>".to_owned(),
            format!("<page about='{namespace}/Probe'>{namespace}/Probe<b/></page>"),
            format!("<e:Envelope xmlns:e='a'><a>{namespace}</a></e:Envelope>"),
            format!("<e:Envelope xmlns:e='a'><a>{namespace}/Probes</a></e:Envelope>"),
            format!("see {namespace}/Probe "),
            "<34>1 2026-01-01T00:00:00Z host app - - - hello".to_owned(),
        ] {
            assert_eq!(detect(&[text.as_bytes()], &[]), Detection::No, "{text}");
        }
    }
}
