//! What the protocols of a TLS or QUIC hello say about the service behind it.
//!
//! The names are those of the IANA registry "TLS Application-Layer Protocol Negotiation (ALPN)
//! Protocol IDs" (<https://www.iana.org/assignments/tls-extensiontype-values>, RFC 7301).

use std::sync::Arc;

use crate::catalogue::{Catalogue, Service};
use crate::evidence::{Direction, Evidence, Fact, Protocol};

/// The facts that state names of protocols.
pub(super) const FACTS: [&str; 2] = ["tls.alpn", "quic.alpn"];

/// What web servers and their clients speak inside TLS and QUIC.
const WEB: &[Protocol] =
    &[Protocol::Http, Protocol::Http2, Protocol::Websocket, Protocol::Grpc, Protocol::Quic];

/// The protocols that a name stands for: those that have a detector. A name without any, such as
/// that of XMPP, is still known: nobody who speaks only other protocols is meant.
const NAMES: &[(&str, &[Protocol])] = &[
    ("acme-tls/1", WEB),
    ("c-webrtc", &[]),
    ("co", &[]),
    ("coap", &[]),
    ("dicom", &[]),
    ("doq", &[Protocol::Dns]),
    ("dot", &[Protocol::Dns]),
    ("ftp", &[Protocol::Ftp]),
    ("grpc-exp", &[Protocol::Grpc, Protocol::Http2]),
    ("h2", WEB),
    ("h2c", WEB),
    ("h3", WEB),
    ("hq-interop", WEB),
    ("http/0.9", WEB),
    ("http/1.0", WEB),
    ("http/1.1", WEB),
    ("imap", &[Protocol::Imap]),
    ("irc", &[]),
    ("managesieve", &[]),
    ("mqtt", &[Protocol::Mqtt]),
    ("nnsp", &[]),
    ("nntp", &[]),
    ("ntske/1", &[]),
    ("pop3", &[Protocol::Pop3]),
    ("postgresql", &[Protocol::Postgresql]),
    ("radius/1.0", &[]),
    ("radius/1.1", &[]),
    ("sip/2", &[Protocol::Sip]),
    ("smb", &[Protocol::Smb]),
    ("spdy/1", WEB),
    ("spdy/2", WEB),
    ("spdy/3", WEB),
    ("spdy/3.1", WEB),
    ("stun.nat-discovery", &[Protocol::Stun]),
    ("stun.turn", &[Protocol::Stun]),
    ("sunrpc", &[]),
    ("tds/8.0", &[]),
    ("webrtc", &[]),
    ("xmpp-client", &[]),
    ("xmpp-server", &[]),
];

/// The protocols of a hello: the one that the server chose, else all that the client offers.
#[derive(Default)]
pub(super) struct OfferedProtocols<'e> {
    /// The facts that name them.
    pub(super) facts: Vec<&'e Fact>,
    /// Those that have a detector.
    protocols: Vec<Protocol>,
    /// Whether each name is known, so that whoever speaks none of them is not meant.
    known: bool,
}

impl<'e> OfferedProtocols<'e> {
    /// Reads the evidence on a flow of TLS or QUIC.
    pub(super) fn new(evidence: &'e Evidence) -> Self {
        if !matches!(evidence.protocol, Some(Protocol::Tls | Protocol::Quic)) {
            return Self::default();
        }
        let of_side = |side| {
            let facts = evidence.facts.iter();
            facts
                .filter(move |fact| fact.direction == side && FACTS.contains(&fact.name.stem))
                .collect::<Vec<_>>()
        };
        let mut facts = of_side(Direction::Responder);
        if facts.is_empty() {
            facts = of_side(Direction::Initiator);
        }
        let mut offered = Self { known: !facts.is_empty(), ..Self::default() };
        for fact in &facts {
            match protocols(&fact.value) {
                Some(protocols) => offered.protocols.extend(protocols),
                None => offered.known &= is_reserved(&fact.value),
            }
        }
        offered.facts = facts;
        offered
    }

    /// Whether a service can be meant. Of one that is only known to speak TLS nobody knows what it
    /// speaks inside.
    pub(super) fn admits(&self, service: &Service) -> bool {
        let is_carrier = |protocol: &Protocol| matches!(protocol, Protocol::Tls | Protocol::Quic);
        !self.known
            || service.wire_unknown
            || service.protocols.iter().all(is_carrier)
            || self.protocols.iter().any(|&protocol| service.speaks(protocol))
    }

    /// Whether whoever speaks `spoken` is found by the names, beyond those who are known to speak
    /// TLS. What web servers speak finds nobody: half of the catalogue speaks it, and who does so
    /// inside TLS is known.
    pub(super) fn finds(&self, spoken: &[Protocol]) -> bool {
        self.protocols.iter().any(|protocol| !WEB.contains(protocol) && spoken.contains(protocol))
    }

    /// The services of the catalogue that are found so.
    pub(super) fn found<'a>(
        &'a self,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = &'a Arc<Service>> {
        let telling = self.protocols.iter().any(|protocol| !WEB.contains(protocol));
        let services = if telling { catalogue.services() } else { &[] };
        services.iter().filter(|service| self.finds(&service.protocols))
    }
}

fn protocols(name: &str) -> Option<&'static [Protocol]> {
    // Drafts of HTTP/3 have a number behind the name.
    if name.starts_with("h3-") {
        return Some(WEB);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, protocols)| *protocols)
}

/// Whether a name only keeps the list open (GREASE, RFC 8701, section 2): two equal bytes whose low
/// halves are 10. As text the bytes from 0x8a on are replaced.
fn is_reserved(name: &str) -> bool {
    let mut chars = name.chars();
    let (Some(first), Some(second), None) = (chars.next(), chars.next(), chars.next()) else {
        return false;
    };
    let is_low = |c: char| c as u32 & 0x0f == 0x0a && u32::from(c) < 0x80;
    first == second && (is_low(first) || first == char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;

    fn fact(value: &str, direction: Direction) -> Fact {
        Fact {
            name: "tls.alpn".into(),
            value: value.into(),
            direction,
            frame: 4,
            later: Vec::new(),
            exchange: 0,
        }
    }

    /// Ids of those of some services that a hello with these names admits.
    fn admitted(offered: &[&str], chosen: Option<&str>) -> Vec<&'static str> {
        let catalogue = Catalogue::shipped().unwrap();
        let client = offered.iter().map(|name| fact(name, Direction::Initiator));
        let server = chosen.into_iter().map(|name| fact(name, Direction::Responder));
        let evidence = Evidence {
            protocol: Some(Protocol::Tls),
            facts: client.chain(server).collect(),
            ..Evidence::default()
        };
        let offered = OfferedProtocols::new(&evidence);
        ["nextjs", "postgresql", "mqtt-broker", "exlm-agent"]
            .into_iter()
            .filter(|id| offered.admits(catalogue.service(id).unwrap()))
            .collect()
    }

    #[test]
    fn names_are_sorted_and_each_stands_once() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn whoever_speaks_nothing_that_is_offered_is_not_meant_and_without_offer_everybody_is() {
        let all = ["nextjs", "postgresql", "mqtt-broker", "exlm-agent"];
        assert_eq!(admitted(&[], None), all);
        assert_eq!(admitted(&["postgresql"], None), ["postgresql", "exlm-agent"]);
        assert_eq!(admitted(&["h2", "http/1.1"], None), ["nextjs", "exlm-agent"]);
        assert_eq!(admitted(&["xmpp-client"], None), ["exlm-agent"]);
        assert_eq!(admitted(&["acme-tls/1"], None), ["nextjs", "exlm-agent"]);
    }

    #[test]
    fn an_offer_of_a_name_that_nobody_registered_admits_everybody() {
        let all = ["nextjs", "postgresql", "mqtt-broker", "exlm-agent"];
        assert_eq!(admitted(&["postgresql", "x-own/1"], None), all);
        assert_eq!(admitted(&["jj", "h2"], None), ["nextjs", "exlm-agent"], "GREASE");
    }

    #[test]
    fn what_the_server_chose_outweighs_what_was_offered() {
        let chosen = admitted(&["h2", "http/1.1", "mqtt"], Some("mqtt"));
        assert_eq!(chosen, ["mqtt-broker", "exlm-agent"]);
    }
}
