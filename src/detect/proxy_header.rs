//! The PROXY protocol, with which a proxy tells the server whom it speaks for: a line (version 1) or
//! a binary header (version 2) before the first byte of any protocol over TCP.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, section 2. Behind it the
//! conversation is read as if the header were not there.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::decode::Transport;
use crate::evidence::{Direction, Evidence, Fact, Role, Wanted};
use crate::flow::{Opening, Stream};

/// The facts of a header.
pub(super) const FACTS: &[&str] = &["proxy.version", "proxy.command", "proxy.source"];

/// Bytes of a line at most, with its end.
const LONGEST_LINE: usize = 107;
const WORD: &[u8] = b"PROXY ";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of a binary header before its addresses.
const FIXED: usize = 16;

/// What a stream begins with.
#[derive(Debug, PartialEq, Eq)]
enum ProxyBeginning {
    /// No header.
    Other,
    /// A header whose end is still to come.
    Begun,
    /// A header.
    Header(ProxyHeader),
}

/// A header of the PROXY protocol.
#[derive(Debug, PartialEq, Eq)]
struct ProxyHeader {
    /// Bytes of the header.
    len: usize,
    version: &'static str,
    command: &'static str,
    /// The client that the proxy speaks for.
    source: Option<String>,
}

/// Whether either side may begin with a header of the PROXY protocol, by its first byte.
pub(super) fn may_begin(opening: &Opening) -> bool {
    let begins = |(_, stream): (_, &Stream)| matches!(stream.head().first(), Some(b'P' | b'\r'));
    opening.transport() == Transport::Tcp && opening.sides().any(begins)
}

/// Inspects what follows the header of the PROXY protocol; `None` where neither side sent one.
pub(super) fn inspect_behind(
    opening: &Opening,
    inspect: impl Fn(&Opening) -> Evidence,
) -> Option<Evidence> {
    if opening.transport() != Transport::Tcp {
        return None;
    }
    let sent = |(direction, stream): (_, &Stream)| match ProxyBeginning::read(stream.head()) {
        ProxyBeginning::Other => None,
        beginning => Some((direction, beginning)),
    };
    let (client, beginning) = opening.sides().find_map(sent)?;
    let ProxyBeginning::Header(header) = beginning else {
        return Some(Evidence { wanted: Wanted::More, ..Evidence::default() });
    };
    let mut evidence = inspect(&opening.without_prefix(client, header.len));
    if evidence.protocol.is_some() {
        let role = &mut evidence.roles[client as usize];
        *role = role.or(Some(Role::Client));
        header.state(&mut evidence, client, opening.side(client));
    }
    Some(evidence)
}

impl ProxyBeginning {
    fn read(bytes: &[u8]) -> Self {
        match bytes.first() {
            Some(b'P') => Self::line(bytes),
            Some(b'\r') => Self::binary(bytes),
            _ => Self::Other,
        }
    }

    /// Reads `PROXY TCP4 source destination port port`, or `PROXY UNKNOWN` and anything.
    fn line(bytes: &[u8]) -> Self {
        if !bytes.iter().zip(WORD).all(|(a, b)| a == b) {
            return Self::Other;
        }
        let Some(end) = bytes.iter().take(LONGEST_LINE).position(|&b| b == b'\n') else {
            let text = bytes.len() < LONGEST_LINE && bytes.iter().all(|&b| b >= b' ' || b == b'\r');
            // `PROXY` alone may begin other words.
            return if text && bytes.len() > WORD.len() { Self::Begun } else { Self::Other };
        };
        let line = bytes[..end].strip_suffix(b"\r").and_then(|line| line.strip_prefix(WORD));
        let Some(line) = line.and_then(|line| std::str::from_utf8(line).ok()) else {
            return Self::Other;
        };
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let source = match next() {
            "UNKNOWN" => None,
            family @ ("TCP4" | "TCP6") => {
                let (source, destination, from, to) = (next(), next(), next(), next());
                let read = || {
                    let source = SocketAddr::new(source.parse().ok()?, from.parse().ok()?);
                    let target = SocketAddr::new(destination.parse().ok()?, to.parse().ok()?);
                    let v4 = family == "TCP4";
                    (source.is_ipv4() == v4 && target.is_ipv4() == v4).then_some(source)
                };
                let Some(source) = read() else { return Self::Other };
                Some(source.to_string())
            }
            _ => return Self::Other,
        };
        Self::Header(ProxyHeader { len: end + 1, version: "1", command: "PROXY", source })
    }

    /// Reads the signature, version and command, address family, and the length of the addresses and
    /// of the TLVs behind them.
    fn binary(bytes: &[u8]) -> Self {
        if !bytes.iter().zip(SIGNATURE).all(|(a, b)| a == b) {
            return Self::Other;
        }
        let Some(&[command, family, high, low]) =
            bytes.get(SIGNATURE.len()..FIXED).and_then(<[u8]>::first_chunk)
        else {
            return if bytes.len() > 4 { Self::Begun } else { Self::Other };
        };
        let command = match command {
            0x20 => "LOCAL",
            0x21 => "PROXY",
            _ => return Self::Other,
        };
        let len = FIXED + usize::from(u16::from_be_bytes([high, low]));
        let Some(addresses) = bytes.get(FIXED..len) else { return Self::Begun };
        // What a health check of the proxy itself says of addresses is to be ignored.
        let source = match (command, family) {
            ("PROXY", 0x11 | 0x12) => addresses.first_chunk::<12>().map(|block| {
                let [a, b, c, d, _, _, _, _, high, low, ..] = *block;
                let port = u16::from_be_bytes([high, low]);
                SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port).to_string()
            }),
            ("PROXY", 0x21 | 0x22) => addresses.first_chunk::<36>().and_then(|block| {
                let address = Ipv6Addr::from(*block.first_chunk::<16>()?);
                let port = u16::from_be_bytes([block[32], block[33]]);
                Some(SocketAddr::new(address.into(), port).to_string())
            }),
            _ => None,
        };
        Self::Header(ProxyHeader { len, version: "2", command, source })
    }
}

impl ProxyHeader {
    /// Adds the facts of the header.
    fn state(self, evidence: &mut Evidence, direction: Direction, stream: &Stream) {
        let facts = [
            ("proxy.version", Some(self.version.to_owned())),
            ("proxy.command", Some(self.command.to_owned())),
            ("proxy.source", self.source),
        ];
        for (name, value) in facts {
            evidence.facts.extend(value.map(|value| Fact {
                name: name.into(),
                value,
                direction,
                frame: stream.frame_at(0),
                later: Vec::new(),
                exchange: 0,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::Transport;
    use crate::detect::{DETECTORS, inspect};
    use crate::evidence::{Depth, Evidence, Protocol, Role, Wanted};
    use crate::flow::Opening;

    fn of(client: &[&[u8]], server: &[&[u8]]) -> Evidence {
        inspect(&Opening::from_payloads(Transport::Tcp, client, server), Depth::Facts)
    }

    /// A binary header.
    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let len = (rest.len() as u16).to_be_bytes();
        [super::SIGNATURE, &[command, family], &len, rest].concat()
    }

    /// Headers of both versions, and the client that each names.
    fn headers() -> Vec<(Vec<u8>, &'static str)> {
        let v4 = b"\xc0\0\x02\x01\xc0\0\x02\x02\xc3\x50\x01\xbb";
        let tlv = b"\x03\0\x04\x11\x22\x33\x44\x02\0\x06a.test";
        let mut v6 = [0_u8; 36];
        (v6[15], v6[31], v6[32], v6[33]) = (1, 1, 0xc3, 0x50);
        vec![
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n".to_vec(), "192.0.2.1:50000"),
            (b"PROXY TCP6 ::1 ::1 50000 443\r\n".to_vec(), "[::1]:50000"),
            (b"PROXY UNKNOWN\r\n".to_vec(), ""),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), ""),
            (binary(0x21, 0x11, v4), "192.0.2.1:50000"),
            (binary(0x21, 0x11, &[&v4[..], tlv].concat()), "192.0.2.1:50000"),
            (binary(0x21, 0x21, &v6), "[::1]:50000"),
            (binary(0x21, 0x00, b""), ""),
            (binary(0x21, 0x00, tlv), ""),
            (binary(0x21, 0x31, &[b'/'; 216]), ""),
            (binary(0x20, 0x00, b""), ""),
            (binary(0x20, 0x00, tlv), ""),
            (binary(0x20, 0x11, v4), ""),
        ]
    }

    #[test]
    fn any_protocol_over_tcp_is_known_behind_a_header() {
        for (header, source) in headers() {
            for detector in DETECTORS.iter().filter(|detector| !detector.residual) {
                let samples = detector.samples.iter();
                for sample in samples.filter(|sample| sample.transport == Transport::Tcp) {
                    let plain = of(sample.initiator, sample.responder);
                    let proxied =
                        of(&[&[&header[..]], sample.initiator].concat(), sample.responder);
                    assert_eq!(proxied.protocol, plain.protocol, "{}", detector.protocol);
                    let stated = proxied.facts.iter().find(|fact| fact.name.stem == "proxy.source");
                    assert_eq!(stated.map_or("", |fact| &fact.value), source);
                }
            }
        }
    }

    #[test]
    fn a_header_in_the_segment_of_the_request_leaves_the_frames_of_the_facts() {
        for (header, _) in headers() {
            let first = [&header[..], b"GET / HT"].concat();
            let evidence = of(&[&first, b"TP/1.1\r\nHost: a\r\n\r\n"], &[]);
            assert_eq!(evidence.protocol, Some(Protocol::Http));
            assert_eq!(evidence.roles, [Some(Role::Client), None]);
            let frame =
                |name| evidence.facts.iter().find(|fact| fact.name.stem == name).map(|f| f.frame);
            assert_eq!(frame("http.method"), Some(1));
            assert_eq!(frame("http.request-header"), Some(2));
            assert_eq!(frame("proxy.version"), Some(1));
        }
    }

    #[test]
    fn a_header_whose_end_is_missing_rules_nothing_out() {
        for (header, _) in headers() {
            for len in 7..header.len() {
                let evidence = of(&[&header[..len]], &[]);
                assert_eq!(
                    (evidence.protocol, evidence.wanted),
                    (None, Wanted::More),
                    "{header:x?}"
                );
                assert!(!evidence.ruled_out.contains(Protocol::Http));
            }
            assert_eq!(of(&[&header], &[]).protocol, None);
            assert_eq!(of(&[&header], &[b"SSH-2.0-x\r\n"]).protocol, Some(Protocol::Ssh));
        }
    }

    #[test]
    fn other_bytes_are_no_header() {
        for other in [
            &b"PROXY TCP4 192.0.2.1 ::1 50000 443\r\n"[..],
            b"PROXY TCP4 192.0.2.1 192.0.2.2 50000\r\n",
            b"PROXY something\r\n",
            &binary(0x22, 0x11, b""),
            b"\r\n\r\nGET",
        ] {
            assert_eq!(super::ProxyBeginning::read(other), super::ProxyBeginning::Other);
        }
    }
}
