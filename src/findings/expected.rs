//! What the claims on a port lead to expect there.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Claim, Prevalence, Reach, Service, Standing};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::sentence::joined;

/// Words that stand for what one may have several of, at the end of a service's name.
const NOUNS: [&str; 6] = ["broker", "camera", "console", "controller", "mixer", "printer"];

/// The claims of services whose protocols on a port are known: those of the highest prevalence there.
pub(super) struct Expected<'c> {
    claims: Vec<(&'c Arc<Service>, &'c Claim)>,
    /// The same for all servers of the port, of which there may be thousands.
    clause: OnceCell<Option<String>>,
}

impl<'c> Expected<'c> {
    pub(super) fn on(catalogue: &'c Catalogue, port: ServicePort) -> Self {
        let is_known = |(service, claim): &(&Arc<Service>, &Claim)| {
            claim.reach == Reach::Default && !service.wire_unknown && !claim.protocols.is_empty()
        };
        let mut claims: Vec<_> = catalogue.claims_on(port).filter(is_known).collect();
        let usual = claims.iter().map(|(_, claim)| claim.prevalence).min();
        claims.retain(|(_, claim)| Some(claim.prevalence) == usual);
        Self { claims, clause: OnceCell::new() }
    }

    /// Whether nothing is expected but TLS, DTLS or QUIC.
    pub(super) fn is_encrypted(&self) -> bool {
        !self.claims.is_empty()
            && self.claims.iter().all(|(_, claim)| claim.protocols.iter().all(|&p| is_encrypted(p)))
    }

    /// Whether something is expected with good reason, so that what is there instead deserves a second
    /// look: a service that is rare there, and not registered, is no reason.
    pub(super) fn is_usual(&self) -> bool {
        self.claims.iter().any(|(_, claim)| {
            claim.prevalence != Prevalence::Rare || claim.standing == Standing::Registered
        })
    }

    /// Advice for something else on the port.
    pub(super) fn foreign(&self) -> Option<&'c str> {
        self.claims.iter().find_map(|(_, claim)| claim.foreign.as_deref())
    }

    /// As in `where SSH is registered`; `None` where nothing is expected.
    pub(super) fn clause(&self) -> Option<&str> {
        self.clause.get_or_init(|| self.compose()).as_deref()
    }

    fn compose(&self) -> Option<String> {
        let (service, claim) = self.claims.first()?;
        let mut protocols: Vec<Protocol> = Vec::new();
        for &protocol in self.claims.iter().flat_map(|(_, claim)| &claim.protocols) {
            if !protocols.contains(&protocol) {
                protocols.push(protocol);
            }
        }
        let registered = self.claims.iter().find_map(|(_, claim)| {
            let first = claim.protocols.first().copied();
            first.filter(|&p| claim.standing == Standing::Registered && !is_encrypted(p))
        });
        if let Some(protocol) = registered {
            return Some(format!("where {} is registered", protocol.name()));
        }
        let names: Vec<String> = protocols.iter().map(|&p| p.name()).collect();
        if let ([name], Some(nouns)) = (&names[..], plural(&service.name))
            && claim.protocols == protocols
        {
            return Some(format!("where {nouns} speak {name}"));
        }
        Some(match &names[..] {
            [one, other, _, _, ..] => format!("where {one}, {other} or the like is expected"),
            _ => format!("where {} is expected", joined(&names, "or")),
        })
    }
}

/// The plural of what a service's name says that it is: `ETC Eos lighting console` is one of the
/// lighting consoles.
fn plural(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let first = words.iter().rposition(|word| !word.bytes().all(|b| b.is_ascii_lowercase()));
    let common = words.get(first.map_or(0, |first| first + 1)..)?;
    let last = common.last().filter(|last| NOUNS.contains(last))?;
    let others = &common[..common.len() - 1];
    Some(others.iter().chain([last]).copied().collect::<Vec<_>>().join(" ") + "s")
}

/// Whether the protocol is TLS, DTLS or QUIC, which carry others.
pub(super) const fn is_encrypted(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tls | Protocol::Dtls | Protocol::Quic)
}

/// Whether clear text of the protocol shows nobody's words: it encrypts them itself, or says only how
/// to reach what does, or who is where.
pub(super) const fn has_no_words(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Bittorrent
            | Protocol::Dhcp
            | Protocol::Dns
            | Protocol::Llmnr
            | Protocol::Mdns
            | Protocol::Nbns
            | Protocol::Ntp
            | Protocol::Rtp
            | Protocol::Ssdp
            | Protocol::Ssh
            | Protocol::Stun
            | Protocol::Wireguard
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;

    #[test]
    fn a_port_is_described_by_what_is_registered_or_customary_there() {
        let catalogue = Catalogue::shipped().unwrap();
        let clause =
            |port| Expected::on(&catalogue, ServicePort::new(port, Transport::Tcp)).compose();
        assert_eq!(clause(3037).as_deref(), Some("where lighting consoles speak OSC"));
        assert_eq!(clause(22).as_deref(), Some("where SSH is registered"));
        assert_eq!(clause(443).as_deref(), Some("where TLS is expected"));
        assert_eq!(clause(6379).as_deref(), Some("where Redis is registered"));
        assert_eq!(clause(3001).as_deref(), Some("where HTTP, WebSocket or TLS is expected"));
        assert_eq!(clause(8443).as_deref(), Some("where TLS is expected"));
        assert_eq!(clause(65_535), None);
    }

    #[test]
    fn a_rare_unregistered_service_is_no_reason_to_expect_it() {
        let catalogue = Catalogue::shipped().unwrap();
        let is_usual =
            |port| Expected::on(&catalogue, ServicePort::new(port, Transport::Tcp)).is_usual();
        assert!([22, 443, 3037, 8443].into_iter().all(is_usual));
        assert!(catalogue.claims_on(ServicePort::new(4444, Transport::Tcp)).next().is_some());
        assert!(![4444, 22222, 65_535].into_iter().any(is_usual));
    }

    #[test]
    fn stun_beside_tls_leaves_a_port_encrypted() {
        let catalogue = Catalogue::shipped().unwrap();
        for transport in [Transport::Tcp, Transport::Udp] {
            let expected = Expected::on(&catalogue, ServicePort::new(443, transport));
            assert!(expected.is_encrypted(), "{transport}");
        }
    }

    #[test]
    fn only_what_there_may_be_several_of_has_a_plural() {
        assert_eq!(plural("ETC Eos lighting console").as_deref(), Some("lighting consoles"));
        assert_eq!(plural("QLab show control"), None);
        assert_eq!(plural("Redis"), None);
    }
}
