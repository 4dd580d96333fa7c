//! CSTA phase III as XML over TCP: ECMA-323, annex J.2. Two zero bytes, a big-endian length that
//! counts this header of eight bytes, an invoke id of four ASCII digits (9999 marks an event), then
//! an XML document. Zultys uses the same framing with messages of its own. A document without a
//! header is accepted where its root is in an ECMA namespace.
//!
//! The framing alone is not CSTA: the root element must be in the namespace of ECMA or of a
//! vendor's extension, or be one of the standard's or a known vendor's messages.

use crate::detect::csta_document::{count_answer, state_answer};
use crate::detect::formats::csta_xml::{
    RootElement, extension_namespaces, is_csta_root, is_standard_namespace, root_element,
};
use crate::detect::statement::{Side, Statement};
use crate::evidence::Role;

const HEADER: usize = 8;
/// Messages of each side whose roots are stated.
const MESSAGES: usize = 32;
/// Namespaces of vendors' extensions that are stated of a message.
const EXTENSIONS: usize = 4;

/// Reads a side's messages.
pub(super) fn messages(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    if bytes.starts_with(b"<") {
        return bare(statement, bytes);
    }
    let mut at = 0;
    let mut side = Side::Perhaps;
    for _ in 0..MESSAGES {
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
        if !is_header(rest) {
            return if side == Side::Matches { side } else { Side::Other };
        }
        let Some(header) = rest.first_chunk::<HEADER>() else { break };
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let document = &rest[HEADER..rest.len().min(len)];
        match root_element(document) {
            // Vendors add messages of their own to a conversation that began as CSTA.
            RootElement::Named { name, namespace }
                if side == Side::Matches || is_csta_root(&name, namespace.as_deref()) =>
            {
                if side != Side::Matches {
                    statement.fact("csta.framing", b"ecma-323-j2", at);
                    statement.fact("csta.encoding", b"xml", at);
                }
                side = Side::Matches;
                state_root(statement, &name, namespace.as_deref(), at);
                state_answer(statement, &name, document, at);
                count_answer(statement, &name, at);
                for (offset, extension) in extension_namespaces(document).take(EXTENSIONS) {
                    statement.fact("csta.extension", extension, at + HEADER + offset);
                }
            }
            RootElement::NotYet => {}
            RootElement::Named { .. } | RootElement::NotXml => {
                return if side == Side::Matches { side } else { Side::Other };
            }
        }
        at += len;
    }
    side
}

/// Judges a side that begins with a document instead of a header.
fn bare(statement: &mut Statement<'_>, bytes: &[u8]) -> Side {
    match root_element(bytes) {
        RootElement::Named { name, namespace: Some(namespace) }
            if is_standard_namespace(&namespace) =>
        {
            statement.fact("csta.framing", b"none", 0);
            statement.fact("csta.encoding", b"xml", 0);
            state_root(statement, &name, Some(&namespace), 0);
            state_answer(statement, &name, bytes, 0);
            count_answer(statement, &name, 0);
            Side::Matches
        }
        RootElement::NotYet => Side::Perhaps,
        RootElement::Named { .. } | RootElement::NotXml => Side::Other,
    }
}

fn state_root(statement: &mut Statement<'_>, name: &str, namespace: Option<&str>, at: usize) {
    if let Some(role) = role(name) {
        statement.role(role);
    }
    statement.fact("csta.root", name.as_bytes(), at);
    if let Some(namespace) = namespace {
        statement.fact("csta.namespace", namespace.as_bytes(), at);
    }
}

/// The role of the sender of a message: the program asks, the switch answers and reports events.
/// Either side may ask the other how it is, and a switch asks the program for routes.
fn role(name: &str) -> Option<Role> {
    const OF_EITHER: [&str; 4] = ["SystemStatus", "Route", "Escape", "keepalive"];
    const OF_SWITCH: [&str; 5] =
        ["Response", "Responce", "Event", "CSTAErrorCode", "ApplicationSessionTerminated"];
    match name {
        _ if OF_EITHER.iter().any(|either| name.contains(either)) => None,
        _ if OF_SWITCH.iter().any(|end| name.ends_with(end)) => Some(Role::Server),
        _ if is_csta_root(name, None) => Some(Role::Client),
        _ => None,
    }
}

/// Whether the bytes can be the beginning of a header and a document.
fn is_header(bytes: &[u8]) -> bool {
    let len = match bytes {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => HEADER + 4,
    };
    len >= HEADER + 4
        && bytes.iter().take(HEADER + 1).enumerate().all(|(i, byte)| match i {
            0 | 1 => *byte == 0,
            4..8 => byte.is_ascii_digit(),
            // A byte-order mark may stand before the document.
            8 => matches!(byte, b'<' | 0xef) || byte.is_ascii_whitespace(),
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;
    use crate::detect::protocols::csta::inspect;
    use crate::evidence::Depth;
    use crate::evidence::Detection;
    use crate::evidence::Recognition;
    use crate::flow::Opening;

    fn message(invoke: &str, document: &str) -> Vec<u8> {
        let mut bytes = vec![0, 0];
        bytes.extend(((document.len() + HEADER) as u16).to_be_bytes());
        bytes.extend(invoke.as_bytes());
        bytes.extend(document.as_bytes());
        bytes
    }

    fn inspect_one(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[bytes], &[]), Depth::Facts)
    }

    #[test]
    fn states_root_and_namespace_of_each_message() {
        let ns = "http://www.ecma-international.org/standards/ecma-323/csta/ed4";
        let both = [
            message("0001", &format!("<c:GetCSTAFeatures xmlns:c='{ns}'/>")),
            message("9999", &format!("<DeliveredEvent xmlns=\"{ns}\"><monitorCrossRefID>7</monitorCrossRefID></DeliveredEvent>")),
        ]
        .concat();
        let Detection::Yes(Recognition { facts, .. }) = inspect_one(&both) else { panic!() };
        let stated: Vec<_> = facts.iter().map(|f| (f.name.stem, f.value.as_str())).collect();
        assert_eq!(
            stated,
            [
                ("csta.framing", "ecma-323-j2"),
                ("csta.encoding", "xml"),
                ("csta.root", "GetCSTAFeatures"),
                ("csta.namespace", ns),
                ("csta.root", "DeliveredEvent"),
                ("csta.namespace", ns),
            ]
        );
    }

    #[test]
    fn states_the_namespaces_of_vendors_extensions() {
        let login = "<StartApplicationSession xmlns='http://www.ecma-international.org/standards/ecma-354/appl_session' \
                     xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><a xmlns:v=\"http://vendor.test/csta\"/>\
                     </StartApplicationSession>";
        let Detection::Yes(Recognition { facts, .. }) = inspect_one(&message("0001", login)) else {
            panic!()
        };
        let stated: Vec<_> = facts
            .iter()
            .filter(|f| f.name.stem == "csta.extension")
            .map(|f| f.value.as_str())
            .collect();
        assert_eq!(stated, ["http://vendor.test/csta"]);
    }

    #[test]
    fn a_document_without_a_header_is_csta_by_its_namespace_only() {
        let ns = "http://www.ecma-international.org/standards/ecma-323/csta/ed4";
        assert!(matches!(
            inspect_one(format!("<?xml version='1.0'?><MakeCall xmlns='{ns}'/>").as_bytes()),
            Detection::Yes(..)
        ));
        assert_eq!(inspect_one(b"<?xml version='1.0'?>"), Detection::NeedMore);
        for other in ["<MakeCall/>", "<html><body>", &format!("<note>{ns}</note>")] {
            assert_eq!(inspect_one(other.as_bytes()), Detection::No, "{other}");
        }
    }

    #[test]
    fn other_xml_and_json_in_the_same_framing_is_not_csta() {
        for document in
            ["<?xml version=\"1.0\"?><order xmlns=\"urn:shop\"/>", "<html></html>", "<Event/>"]
        {
            assert_eq!(inspect_one(&message("0001", document)), Detection::No, "{document}");
        }
        assert_eq!(inspect_one(&message("0001", "{\"a\": 1, \"b\": 2}")), Detection::No);
        assert_eq!(inspect_one(b"\0\0\0\x2cabcd<MakeCall/>"), Detection::No);
    }
}
