//! The names that the answers of DNS, multicast DNS and LLMNR give to addresses: address records
//! and their reverse (RFC 1035, sections 3.4.1 and 3.5; RFC 3596), and the instances of services
//! (RFC 6763, section 4) whose host's address the same message has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::message::{answer_counts, question, record};
use super::name::{HEADER, LastName, ends_with};
use super::{LENGTH, RESPONSE};
use crate::decode::Transport;
use crate::flow::Opening;

/// Types of records.
const A: u16 = 1;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const ANY: u16 = 255;
/// Datagrams of a side that are read: an opening keeps no more of them whole.
const DATAGRAMS: usize = 4;
/// Records of a message that are read, and instances of services among them.
const RECORDS: usize = 64;
const INSTANCES: usize = 16;

/// A name that an answer gives an address. Whether it is right nobody checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredName {
    /// The address.
    pub address: IpAddr,
    /// The port, where the name is that of an instance of a service.
    pub port: Option<(u16, Transport)>,
    /// The name: what was asked for, if the answer leads there by aliases. Untrusted.
    pub name: String,
    /// The number of the answer's frame.
    pub frame: u64,
}

/// The names in the answers of a conversation that is known to be of one of these protocols.
#[must_use]
pub fn answered_names(opening: &Opening) -> Vec<AnsweredName> {
    let mut names = Vec::new();
    for (_, stream) in opening.sides() {
        match opening.transport() {
            Transport::Udp => {
                for (bytes, frame, cut) in stream.datagrams().take(DATAGRAMS) {
                    if !cut {
                        read(bytes, frame, &mut names);
                    }
                }
            }
            Transport::Tcp => {
                let bytes = stream.head();
                let length = bytes.first_chunk().map(|&len: &[u8; LENGTH]| u16::from_be_bytes(len));
                let end = LENGTH + length.map_or(0, usize::from);
                if let Some(message) = bytes.get(LENGTH..end) {
                    read(message, stream.frame_at(0), &mut names);
                }
            }
        }
    }
    names
}

/// An instance of a service: its name, its port and the name of its host.
type Instance = (String, (u16, Transport), String);

/// Adds the names of one message, as far as it can be read.
fn read(bytes: &[u8], frame: u64, names: &mut Vec<AnsweredName>) -> Option<()> {
    if bytes.get(2)? & RESPONSE == 0 {
        return None;
    }
    let [questions, answers, others] = answer_counts(bytes)?;
    let mut last = LastName::new();
    let (mut at, mut asked) = (HEADER, String::new());
    for _ in 0..questions {
        let (name, kind, _) = question(bytes, at, &mut last)??;
        // Of several questions nobody knows which one an answer is for.
        let names_host = questions == 1 && matches!(kind, A | AAAA | ANY) && !name.has_controls;
        if names_host {
            name.text.clone_into(&mut asked);
        }
        at = name.next + 4;
    }
    let mut instances: Vec<Instance> = Vec::new();
    let mut hosts: Vec<(String, IpAddr)> = Vec::new();
    for place in 0..(answers + others).min(RECORDS) {
        let record = record(bytes, at, &mut last)??;
        let (owner, kind) = (record.name.text, record.kind);
        let (begin, next) = (record.name.next + 10, record.next);
        let data = bytes.get(begin..next)?;
        let is_readable = !record.name.has_controls;
        match kind {
            A | AAAA if is_readable => {
                if let Some(address) = address(kind, data) {
                    // A host's address may stand before or behind the service that it offers.
                    if others > 0 || !instances.is_empty() {
                        hosts.push((owner.to_owned(), address));
                    }
                    if place < answers {
                        let name = if asked.is_empty() { owner } else { &asked };
                        names.push(AnsweredName { address, port: None, name: name.into(), frame });
                    }
                }
            }
            PTR if place < answers => {
                if let Some(address) = reversed(owner)
                    && let Some(name) = name_at(bytes, begin)
                {
                    names.push(AnsweredName { address, port: None, name, frame });
                }
            }
            SRV if is_readable && instances.len() < INSTANCES => {
                if let Some(&[a, b]) = data.get(4..6)
                    && let Some(transport) = transport_of(owner)
                    && let Some(host) = name_at(bytes, begin + 6)
                {
                    let port = (u16::from_be_bytes([a, b]), transport);
                    instances.push((owner.to_owned(), port, host));
                }
            }
            _ => {}
        }
        at = next;
    }
    for (name, port, host) in instances {
        let of_host = hosts.iter().filter(|(owner, _)| owner.eq_ignore_ascii_case(&host));
        names.extend(of_host.map(|&(_, address)| AnsweredName {
            address,
            port: Some(port),
            name: name.clone(),
            frame,
        }));
    }
    Some(())
}

/// The transport that the name of a service states.
fn transport_of(name: &str) -> Option<Transport> {
    let has = |label: &str| name.split('.').any(|known| known.eq_ignore_ascii_case(label));
    if has("_tcp") { Some(Transport::Tcp) } else { has("_udp").then_some(Transport::Udp) }
}

/// The name at an offset; `None` where it has control characters.
fn name_at(bytes: &[u8], at: usize) -> Option<String> {
    let mut last = LastName::new();
    let name = last.read(bytes, at)??;
    (!name.has_controls).then(|| name.text.to_owned())
}

/// The address in the data of a record. Those that stand for no host, or for the one that asks,
/// are left out: filters of advertisements answer so.
fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = match kind {
        A => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into(),
    };
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// The address that a name of a reverse lookup stands for.
fn reversed(name: &str) -> Option<IpAddr> {
    let before = |end: &str| ends_with(name, end).then(|| &name[..name.len() - end.len()]);
    if let Some(labels) = before(".in-addr.arpa") {
        let mut bytes = [0; 4];
        let mut labels = labels.rsplit('.');
        for byte in &mut bytes {
            *byte = labels.next()?.parse().ok()?;
        }
        return labels.next().is_none().then(|| Ipv4Addr::from(bytes).into());
    }
    let labels = before(".ip6.arpa")?;
    let (mut bits, mut count) = (0_u128, 0);
    for label in labels.rsplit('.') {
        bits = bits << 4 | u128::from(u8::from_str_radix(label, 16).ok().filter(|&n| n < 16)?);
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(datagram: &[u8]) -> Vec<(String, Option<u16>, String)> {
        let opening = Opening::from_payloads(Transport::Udp, &[], &[datagram]);
        let shown = |found: AnsweredName| {
            (found.address.to_string(), found.port.map(|(port, _)| port), found.name)
        };
        answered_names(&opening).into_iter().map(shown).collect()
    }

    fn one(address: &str, port: Option<u16>, name: &str) -> Vec<(String, Option<u16>, String)> {
        vec![(address.to_owned(), port, name.to_owned())]
    }

    #[test]
    fn an_address_has_the_name_that_was_asked_for_even_behind_an_alias() {
        let direct = b"\x1a\x2b\x81\x80\0\x01\0\x01\0\0\0\0\x04tide\x04test\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07";
        assert_eq!(names(direct), one("192.0.2.7", None, "tide.test"));
        let alias = b"\x1a\x2b\x81\x80\0\x01\0\x02\0\0\0\0\x04tide\x04test\0\0\x01\0\x01\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x07\x04buoy\xc0\x11\xc0\x27\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07";
        assert_eq!(names(alias), one("192.0.2.7", None, "tide.test"));
    }

    #[test]
    fn a_reverse_answer_names_the_address_that_was_asked_for() {
        let reverse = b"\x1a\x2b\x81\x80\0\x01\0\x01\0\0\0\0\x017\x012\x010\x03192\x07in-addr\x04arpa\0\0\x0c\0\x01\xc0\x0c\0\x0c\0\x01\0\0\0\x1e\0\x06\x04buoy\0";
        assert_eq!(names(reverse), one("192.0.2.7", None, "buoy"));
        assert_eq!(reversed("7.0.0.192.in-addr.arpa.example"), None);
        assert_eq!(reversed("1.7.0.0.192.in-addr.arpa"), None);
    }

    #[test]
    fn an_instance_of_a_service_names_its_port_at_the_address_of_its_host() {
        let srv = b"\0\0\x84\0\0\0\0\x01\0\0\0\x01\x05print\x04_ipp\x04_tcp\x05local\0\0\x21\x80\x01\0\0\0\x78\0\x0d\0\0\0\0\x02\x77\x04buoy\xc0\x1c\xc0\x33\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x07";
        assert_eq!(names(srv), one("192.0.2.7", Some(631), "print._ipp._tcp.local"));
    }

    #[test]
    fn neither_a_query_nor_a_failure_nor_an_address_of_nobody_gives_a_name() {
        let answer = |address: [u8; 4], flags: [u8; 2]| {
            let mut bytes = b"\x1a\x2b\x81\x80\0\x01\0\x01\0\0\0\0\x04tide\x04test\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07".to_vec();
            bytes[2..4].copy_from_slice(&flags);
            let end = bytes.len() - 4;
            bytes[end..].copy_from_slice(&address);
            bytes
        };
        assert_eq!(names(&answer([192, 0, 2, 7], [0x81, 0x80])).len(), 1);
        for (address, flags) in [
            ([0, 0, 0, 0], [0x81, 0x80]),
            ([127, 0, 0, 1], [0x81, 0x80]),
            ([192, 0, 2, 7], [0x01, 0x00]),
            ([192, 0, 2, 7], [0x81, 0x83]),
        ] {
            assert_eq!(names(&answer(address, flags)), []);
        }
        let whole = answer([192, 0, 2, 7], [0x81, 0x80]);
        for len in 0..whole.len() {
            assert_eq!(names(&whole[..len]), [], "{len}");
        }
    }
}
