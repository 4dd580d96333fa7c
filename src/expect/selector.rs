//! The servers that a rule is about.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::decode::Transport;
use crate::stats::{IpNetwork, Server, ServerKey};

/// Which servers a rule is about: those with one of the addresses and one of the ports. Without
/// addresses or ports, any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerSelector {
    pub(super) addresses: Vec<AddressSelector>,
    pub(super) ports: Vec<PortSelector>,
}

/// An address, a network, or a name of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AddressSelector {
    Address(IpAddr),
    /// With the text that was written.
    Network(IpNetwork, String),
    /// In lower case.
    Name(String),
}

/// Ports, of one transport or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortSelector {
    pub(super) ports: RangeInclusive<u16>,
    pub(super) transport: Option<Transport>,
}

impl AddressSelector {
    /// Parses an address, a network or a name.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if text.contains('/') {
            return IpNetwork::parse(text)
                .map(|network| Self::Network(network, text.to_owned()))
                .ok_or_else(|| format!("'{text}' is not a network; write 10.101.0.0/16"));
        }
        let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let looks_like_address = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        if text.is_empty() || looks_like_address || !text.chars().all(is_name) {
            return Err(format!(
                "'{text}' is not an address; write 10.101.1.10, 10.101.0.0/16 or the server's name"
            ));
        }
        Ok(Self::Name(text.trim_end_matches('.').to_lowercase()))
    }

    fn has(&self, address: IpAddr) -> bool {
        match self {
            Self::Address(own) => *own == address,
            Self::Network(network, _) => network.contains(address),
            Self::Name(_) => false,
        }
    }
}

impl PortSelector {
    /// Parses `3032`, `3032/tcp`, `3000-3010` and `3000-3010/udp`.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let fault = || format!("'{text}' is not a port; write 3032, \"3032/tcp\" or \"3000-3010\"");
        let (ports, transport) = match text.split_once('/') {
            None => (text, None),
            Some((ports, "tcp")) => (ports, Some(Transport::Tcp)),
            Some((ports, "udp")) => (ports, Some(Transport::Udp)),
            Some(_) => return Err(fault()),
        };
        let number = |text: &str| text.trim().parse::<u16>().map_err(|_| fault());
        let ports = match ports.split_once('-') {
            None => number(ports).map(|port| port..=port)?,
            Some((first, last)) => number(first)?..=number(last)?,
        };
        if ports.is_empty() {
            return Err(format!("'{text}' is an empty range; write the lower port first"));
        }
        Ok(Self { ports, transport })
    }

    fn has(&self, port: u16, transport: Transport) -> bool {
        self.ports.contains(&port) && self.transport.is_none_or(|own| own == transport)
    }
}

impl ServerSelector {
    fn has_port(&self, key: ServerKey) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|port| port.has(key.port, key.transport))
    }

    /// Whether an endpoint is selected by its address and port. One that only a name selects is not.
    pub(super) fn has_endpoint(&self, key: ServerKey) -> bool {
        let has_address = self.addresses.is_empty()
            || self.addresses.iter().any(|address| address.has(key.address));
        has_address && self.has_port(key)
    }

    /// Whether a server is selected.
    pub(super) fn has_server(&self, server: &Server<'_>) -> bool {
        if self.has_endpoint(server.key) {
            return true;
        }
        let is_called = |selector: &AddressSelector| match selector {
            AddressSelector::Name(name) => names(server).any(|own| own == *name),
            AddressSelector::Address(_) | AddressSelector::Network(..) => false,
        };
        self.has_port(server.key) && self.addresses.iter().any(is_called)
    }

    /// The filter for the flows of the servers, where no name is in it.
    pub(super) fn flow_filter(&self) -> Option<String> {
        let addresses = self.addresses.iter().map(|address| match address {
            AddressSelector::Address(address) => Some(format!("responder_address = {address}")),
            AddressSelector::Network(_, text) => Some(format!("responder_address in {text}")),
            AddressSelector::Name(_) => None,
        });
        let addresses = addresses.collect::<Option<Vec<_>>>()?;
        let ports = self.ports.iter().map(|PortSelector { ports, transport }| {
            let (first, last) = (ports.start(), ports.end());
            let number = if first == last {
                format!("responder_port = {first}")
            } else {
                format!("responder_port in {first}..{last}")
            };
            let transport = transport.map(|one| format!(" and transport = {one}"));
            number + &transport.unwrap_or_default()
        });
        let all: Vec<String> = [any_of(&addresses), any_of(&ports.collect::<Vec<_>>())]
            .into_iter()
            .flatten()
            .collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
}

/// Conditions of which one must hold, as one.
fn any_of(conditions: &[String]) -> Option<String> {
    match conditions {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let several: Vec<String> = several.iter().map(|one| format!("({one})")).collect();
            Some(format!("({})", several.join(" or ")))
        }
    }
}

/// The names of a server, in lower case, without the port that a `Host` has.
pub(super) fn names<'s>(server: &'s Server<'_>) -> impl Iterator<Item = String> + 's {
    let texts = server.names.iter().chain(server.address_names.iter().copied());
    texts.map(|name| {
        let text = name.text.trim_end_matches('.').to_lowercase();
        match text.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
            _ => text,
        }
    })
}

/// As in `10.101.1.10:3032`, `10.101.0.0/16, port 3000-3010/tcp`, `any server`.
impl fmt::Display for ServerSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        match (&addresses[..], &ports[..]) {
            ([], []) => f.write_str("any server"),
            ([], [port]) => write!(f, "port {port}"),
            ([], ports) => write!(f, "ports {}", ports.join(", ")),
            (addresses, []) => f.write_str(&addresses.join(", ")),
            (addresses, [port]) => write!(f, "{}, port {port}", addresses.join(", ")),
            (addresses, ports) => {
                write!(f, "{}, ports {}", addresses.join(", "), ports.join(", "))
            }
        }
    }
}

impl fmt::Display for AddressSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Network(_, text) | Self::Name(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for PortSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.ports.start(), self.ports.end());
        if first == last {
            write!(f, "{first}")?;
        } else {
            write!(f, "{first}-{last}")?;
        }
        self.transport.map_or(Ok(()), |transport| write!(f, "/{transport}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_networks_and_names_are_told_apart() {
        let of = |text: &str| AddressSelector::new(text).map(|selector| selector.to_string());
        for text in ["10.1.1.1", "::1", "10.0.0.0/8", "2001:db8::/32", "eos1.local", "desk_2"] {
            assert_eq!(of(text).as_deref(), Ok(text));
        }
        assert_eq!(of("EOS1.local.").as_deref(), Ok("eos1.local"));
        for text in ["", "10.1.1", "10.1.1.300", "10.0.0.0/40", "a b", "x/y"] {
            assert!(of(text).unwrap_err().contains("; write "), "{text}");
        }
    }

    #[test]
    fn ports_have_a_range_and_a_transport_or_not() {
        let of = |text: &str| PortSelector::new(text).map(|selector| selector.to_string());
        for text in ["3032", "3032/tcp", "3000-3010", "3000-3010/udp", "0-65535"] {
            assert_eq!(of(text).as_deref(), Ok(text));
        }
        for text in ["", "70000", "tcp", "1/sctp", "2-1", "1-2-3", "-1"] {
            assert!(of(text).unwrap_err().contains("; write "), "{text}");
        }
    }

    #[test]
    fn an_endpoint_needs_one_of_the_addresses_and_one_of_the_ports() {
        let selector = |addresses: &[&str], ports: &[&str]| ServerSelector {
            addresses: addresses.iter().map(|one| AddressSelector::new(one).unwrap()).collect(),
            ports: ports.iter().map(|one| PortSelector::new(one).unwrap()).collect(),
        };
        let has = |selector: &ServerSelector, address: &str, port: u16| {
            let address = address.parse().unwrap();
            selector.has_endpoint(ServerKey { address, port, transport: Transport::Tcp, sensor: 0 })
        };
        let two = selector(&["10.1.1.1", "10.2.0.0/16"], &["80/tcp", "90-99"]);
        assert!(has(&two, "10.1.1.1", 80) && has(&two, "10.2.9.9", 95));
        assert!(!has(&two, "10.1.1.2", 80) && !has(&two, "10.1.1.1", 81));
        assert!(!has(&selector(&[], &["80/udp"]), "10.1.1.1", 80));
        assert!(has(&selector(&[], &[]), "10.1.1.1", 80));
        assert_eq!(
            two.flow_filter().unwrap(),
            "((responder_address = 10.1.1.1) or (responder_address in 10.2.0.0/16)) and \
             ((responder_port = 80 and transport = tcp) or (responder_port in 90..99))"
        );
        assert_eq!(two.to_string(), "10.1.1.1, 10.2.0.0/16, ports 80/tcp, 90-99");
        assert_eq!(selector(&["web.example"], &["80"]).flow_filter(), None);
        assert_eq!(selector(&[], &[]).to_string(), "any server");
    }
}
