//! ICMP errors: which packet did not arrive, and why. They quote the beginning of that packet: its IP
//! header and at least eight bytes more (RFC 792; RFC 4443, section 3.1).

use etherparse::IpNumber;
use serde::{Deserialize, Serialize};

use super::ip::{self, AddressPair, Datagram};
use super::{Endpoint, FiveTuple, Skip, Tenant, Transport};
use crate::source::Frame;
use crate::time::Time;

/// Bytes before the quoted packet.
const HEADER: usize = 8;
/// "Destination unreachable" of ICMP and of ICMPv6.
const UNREACHABLE: u8 = 3;
const UNREACHABLE_V6: u8 = 1;

/// Why a packet did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum IcmpKind {
    /// Nothing listens on the port.
    Port,
    /// The host does not speak the transport.
    Protocol,
    /// The host is not there.
    Host,
    /// There is no way to the network.
    Network,
    /// A filter prohibits it.
    Prohibited,
    /// Another reason.
    Other,
}

impl IcmpKind {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Port => "port unreachable",
            Self::Protocol => "protocol unreachable",
            Self::Host => "host unreachable",
            Self::Network => "network unreachable",
            Self::Prohibited => "administratively prohibited",
            Self::Other => "destination unreachable",
        }
    }

    /// Whether the host was reached and refused the packet.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Port | Self::Protocol)
    }

    /// The meaning of a code of "destination unreachable" (RFC 792; RFC 1812, section 5.2.7.1);
    /// `None` for "fragmentation needed", after which the sender tries again.
    const fn v4(code: u8) -> Option<Self> {
        Some(match code {
            0 | 6 | 11 => Self::Network,
            1 | 7 | 12 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            4 => return None,
            9 | 10 | 13 => Self::Prohibited,
            _ => Self::Other,
        })
    }

    /// The same of ICMPv6 (RFC 4443, section 3.1).
    const fn v6(code: u8) -> Self {
        match code {
            0 => Self::Network,
            1 | 5 | 6 => Self::Prohibited,
            3 => Self::Host,
            4 => Self::Port,
            _ => Self::Other,
        }
    }
}

/// An ICMP error and the packet that it quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IcmpQuote {
    /// Number of the frame with the error.
    pub frame: u64,
    /// When the error was captured.
    pub time: Time,
    /// What the error says.
    pub kind: IcmpKind,
    /// Sender and receiver of the quoted packet.
    pub five_tuple: FiveTuple,
    /// The VLANs and the virtual network of the error, which are those of the quoted packet where
    /// the capture sees both.
    pub tenant: Tenant,
}

/// The quote in an ICMP datagram; `None` if it is not the error of a packet that did not arrive, or
/// if the quote has no ports.
pub(super) fn quote(frame: &Frame<'_>, datagram: &Datagram<'_>) -> Option<IcmpQuote> {
    let v4 = matches!(datagram.addresses, AddressPair::V4(_));
    let body = datagram.body;
    let kind = match (datagram.protocol, body.byte(0).ok()?) {
        (IpNumber::ICMP, UNREACHABLE) if v4 => IcmpKind::v4(body.byte(1).ok()?)?,
        (IpNumber::IPV6_ICMP, UNREACHABLE_V6) if !v4 => IcmpKind::v6(body.byte(1).ok()?),
        _ => return None,
    };
    let five_tuple = ends(datagram).ok()?;
    let (frame, time, tenant) = (frame.number, frame.time, body.tenant());
    Some(IcmpQuote { frame, time, kind, five_tuple, tenant })
}

/// Sender and receiver of the quoted packet.
fn ends(datagram: &Datagram<'_>) -> Result<FiveTuple, Skip> {
    let mut quoted = ip::datagram(datagram.body.after(HEADER)?)?;
    if quoted.fragment.is_none() {
        quoted = ip::skip_extensions(quoted)?;
    }
    // Only the first fragment has ports.
    if quoted.fragment.is_some_and(|fragment| fragment.start > 0) {
        return Err(Skip::Fragment);
    }
    let transport = match quoted.protocol {
        IpNumber::TCP => Transport::Tcp,
        IpNumber::UDP => Transport::Udp,
        _ => return Err(Skip::IpProtocol),
    };
    let (source, destination) = (quoted.body.be_u16(0)?, quoted.body.be_u16(2)?);
    Ok(FiveTuple {
        source: Endpoint { address: quoted.addresses.source(), port: source },
        destination: Endpoint { address: quoted.addresses.destination(), port: destination },
        transport,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use crate::decode::tests::frame;
    use crate::source::LinkType;

    /// An IPv4 header with a total length, flags and fragment offset, and protocol.
    fn v4(total: usize, fragment: u16, protocol: u8) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend((total as u16).to_be_bytes());
        bytes.extend([0, 1]);
        bytes.extend(fragment.to_be_bytes());
        bytes.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes
    }

    /// An IPv6 header with an address that ends with 1, and one with 2.
    fn v6(length: usize, next: u8) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend([next, 64]);
        for last in [1, 2] {
            bytes.extend([0xfd; 15]);
            bytes.push(last);
        }
        bytes
    }

    /// The eight bytes that are quoted of a UDP datagram from port 5 to port 8000.
    const UDP: [u8; 8] = [0, 5, 0x1f, 0x40, 0, 0xff, 0, 0];

    /// "Destination unreachable" over IPv4 with a quote.
    fn error(code: u8, quote: &[u8]) -> Vec<u8> {
        let message = [&[UNREACHABLE, code, 0, 0, 0, 0, 0, 0][..], quote].concat();
        [v4(20 + message.len(), 0, 1), message].concat()
    }

    /// The same over IPv6.
    fn error_v6(code: u8, quote: &[u8]) -> Vec<u8> {
        let message = [&[UNREACHABLE_V6, code, 0, 0, 0, 0, 0, 0][..], quote].concat();
        [v6(message.len(), 58), message].concat()
    }

    /// Kind, ports and transport that a raw packet quotes, and whether it is a segment as well.
    fn quoted(packet: &[u8]) -> (Option<(IcmpKind, u16, u16, Transport)>, bool) {
        let mut decoder = Decoder::new(true);
        let is_segment = decoder.decode(&frame(LinkType::RAW, packet)).is_ok();
        let told = decoder.take_quote().map(|quote| {
            let FiveTuple { source, destination, transport } = quote.five_tuple;
            assert_eq!((quote.frame, quote.time), (7, Time(1)));
            (quote.kind, source.port, destination.port, transport)
        });
        assert_eq!(decoder.take_quote(), None);
        (told, is_segment)
    }

    #[test]
    fn an_error_tells_sender_and_receiver_of_the_packet_that_it_quotes() {
        let quote = [v4(247, 0, 17), UDP.to_vec()].concat();
        let told = |kind| (Some((kind, 5, 8000, Transport::Udp)), false);
        assert_eq!(quoted(&error(3, &quote)), told(IcmpKind::Port));
        assert_eq!(quoted(&error(2, &quote)), told(IcmpKind::Protocol));
        assert_eq!(quoted(&error(13, &quote)), told(IcmpKind::Prohibited));
        let mut decoder = Decoder::new(true);
        let _ = decoder.decode(&frame(LinkType::RAW, &error(1, &quote)));
        let tuple = decoder.take_quote().unwrap().five_tuple;
        assert_eq!(tuple.source.address, std::net::IpAddr::from([10, 0, 0, 1]));
        assert_eq!(tuple.destination.address, std::net::IpAddr::from([10, 0, 0, 2]));
    }

    #[test]
    fn icmp_for_ipv6_is_read_too_behind_extension_headers() {
        let told = |kind| (Some((kind, 5, 8000, Transport::Udp)), false);
        let quote = [v6(255, 17), UDP.to_vec()].concat();
        assert_eq!(quoted(&error_v6(4, &quote)), told(IcmpKind::Port));
        assert_eq!(quoted(&error_v6(0, &quote)), told(IcmpKind::Network));
        let extended = [v6(255, 0), vec![17, 0, 1, 4, 0, 0, 0, 0], UDP.to_vec()].concat();
        assert_eq!(quoted(&error_v6(3, &extended)), told(IcmpKind::Host));
    }

    #[test]
    fn a_first_fragment_has_ports_and_no_other_has() {
        let quote = |fragment| [v4(247, fragment, 17), UDP.to_vec()].concat();
        assert!(quoted(&error(3, &quote(0x2000))).0.is_some());
        assert_eq!(quoted(&error(3, &quote(0x2001))), (None, false));
        assert_eq!(quoted(&error(3, &quote(1))), (None, false));
        let v6_fragment = |offset: u8| {
            [v6(255, 44), vec![17, 0, 0, offset | 1, 0, 0, 0, 9], UDP.to_vec()].concat()
        };
        assert!(quoted(&error_v6(4, &v6_fragment(0))).0.is_some());
        assert_eq!(quoted(&error_v6(4, &v6_fragment(8))), (None, false));
    }

    #[test]
    fn what_is_no_error_about_a_segment_quotes_nothing() {
        let quote = [v4(247, 0, 17), UDP.to_vec()].concat();
        assert_eq!(quoted(&error(4, &quote)), (None, false), "fragmentation needed");
        let mut echo = error(3, &quote);
        echo[20] = 8;
        assert_eq!(quoted(&echo), (None, false));
        assert_eq!(quoted(&error(3, &[v4(247, 0, 1), UDP.to_vec()].concat())), (None, false));
        let whole = error(3, &quote);
        for cut in 0..whole.len() - 4 {
            assert_eq!(quoted(&whole[..cut]), (None, false), "cut at {cut}");
        }
    }

    #[test]
    fn an_error_in_a_tunnel_is_one_about_what_the_tunnel_carries() {
        let inner = error(3, &[v4(247, 0, 17), UDP.to_vec()].concat());
        let told = Some((IcmpKind::Port, 5, 8000, Transport::Udp));
        let gre = [v4(24 + inner.len(), 0, 47), vec![0, 0, 8, 0], inner.clone()].concat();
        assert_eq!(quoted(&gre), (told, false));
        // In a UDP tunnel what is neither TCP nor UDP leaves the datagram a segment of its own.
        let frame = [vec![2; 12], vec![8, 0], inner].concat();
        let vxlan = [vec![8, 0, 0, 0, 0, 0, 1, 0], frame].concat();
        let length = (8 + vxlan.len() as u16).to_be_bytes();
        let header = [0x9c, 0x40, 0x12, 0xb5, length[0], length[1], 0, 0];
        let outer = [v4(28 + vxlan.len(), 0, 17), header.to_vec(), vxlan].concat();
        assert_eq!(quoted(&outer), (told, true));
    }
}
