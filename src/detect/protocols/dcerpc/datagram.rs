//! DCE/RPC over datagrams: C706, section 12.5, «Connectionless RPC PDUs».

use super::interface::{interface_name, uuid};
use super::{DataRepresentation, fault_name};
use crate::detect::statement::{Side, Statement};
use crate::evidence::Role;

pub(super) const VERSION: u8 = 4;
/// Bytes of the header.
const HEADER: usize = 80;
/// Bits of the two bytes of flags that have a meaning.
const FLAGS: [u8; 2] = [0x7e, 0x02];

/// Judges one datagram, whose header says how long its body is.
pub(super) fn read(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    let fits = bytes.iter().take(7).enumerate().all(|(i, &byte)| match i {
        0 => byte == VERSION,
        1 => datagram_type(byte).is_some(),
        2 | 3 => byte & !FLAGS[i - 2] == 0,
        4 => DataRepresentation::read(byte).is_some(),
        5 => byte <= 3,
        _ => byte == 0,
    });
    if !fits {
        return Side::Other;
    }
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return if cut { Side::Perhaps } else { Side::Other };
    };
    let (Some((name, role)), Some(order)) =
        (datagram_type(header[1]), DataRepresentation::read(header[4]))
    else {
        return Side::Other;
    };
    let len = order.u16(header, 74).map_or(0, usize::from);
    let signed = header[78] != 0;
    // Of a log-in that signs, data follow the body; else the body ends the datagram.
    let end = HEADER + len;
    let is_whole = end == bytes.len() || signed && end < bytes.len() || cut && end > bytes.len();
    if !is_whole || order.u32(header, 60).is_none_or(|version| version & 0xffff > 0xff) {
        return Side::Other;
    }
    role.into_iter().for_each(|role| statement.role(role));
    statement.fact("dcerpc.type", name.as_bytes(), at + 1);
    if !statement.wants_facts() {
        return Side::Matches;
    }
    let interface = header.get(24..).and_then(|wanted| uuid(wanted, order));
    if let (Some(wanted), Some(version)) = (interface, order.u32(header, 60)) {
        let name = interface_name(&wanted);
        let text = format!("{wanted} v{}.{}", version & 0xffff, version >> 16);
        statement.fact_text("dcerpc.interface", text, at + 24);
        if let Some(name) = name {
            statement.fact("dcerpc.interface-name", name.as_bytes(), at + 24);
        }
    }
    match header[1] {
        0 => {
            let number = order.u16(header, 68).unwrap_or(0);
            statement.fact_text("dcerpc.operation", number.to_string(), at + 68);
        }
        3 | 6 => {
            if let Some(status) = order.u32(bytes, HEADER) {
                statement.fact_text("dcerpc.fault", fault_name(status), at + HEADER);
            }
        }
        _ => {}
    }
    Side::Matches
}

/// A type of datagram, and who sends it.
const fn datagram_type(code: u8) -> Option<(&'static str, Option<Role>)> {
    Some(match code {
        0 => ("request", Some(Role::Client)),
        1 => ("ping", Some(Role::Client)),
        2 => ("response", Some(Role::Server)),
        3 => ("fault", Some(Role::Server)),
        4 => ("working", Some(Role::Server)),
        5 => ("no call", Some(Role::Server)),
        6 => ("reject", Some(Role::Server)),
        7 => ("ack", Some(Role::Client)),
        8 => ("cancel", Some(Role::Client)),
        9 => ("fragment ack", None),
        10 => ("cancel ack", Some(Role::Server)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{DETECTOR, inspect};
    use crate::decode::Transport;
    use crate::evidence::{Depth, Detection};
    use crate::flow::Opening;

    #[test]
    fn a_datagram_whose_length_does_not_fit_is_not_dcerpc() {
        let request = DETECTOR.samples[2].initiator[0];
        let detect = |bytes: &[u8]| {
            inspect(&Opening::from_payloads(Transport::Udp, &[bytes], &[]), Depth::Facts)
        };
        assert!(matches!(detect(request), Detection::Yes(_)));
        assert_eq!(detect(&request[..request.len() - 1]), Detection::No);
        assert_eq!(detect(&[request, b"\0"].concat()), Detection::No);
        // Type, flags, byte order, padding, version of the interface, length.
        for (at, value) in [(1, 11), (2, 1), (3, 1), (4, 0x20), (6, 1), (61, 1), (74, 5)] {
            let mut changed = request.to_vec();
            changed[at] = value;
            assert_eq!(detect(&changed), Detection::No, "{at}");
        }
    }
}
