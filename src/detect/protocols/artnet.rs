//! Art-Net 4: <https://art-net.org.uk/downloads/art-net.pdf>, section «Packet definitions»: a name
//! of eight bytes, an operation, and in most messages the revision.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const NAME: &[u8] = b"Art-Net\0";
/// The place of the short name in the answer to a poll.
const SHORT_NAME: std::ops::Range<usize> = 26..44;
/// Operations of a controller that a node answers, and the answers.
const POLL: u16 = 0x2000;
const POLL_REPLY: u16 = 0x2100;
const ADDRESS: u16 = 0x6000;
const INPUT: u16 = 0x7000;
const DEVICE_REQUEST: u16 = 0x8000;
const DEVICE_DATA: u16 = 0x8100;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Artnet, inspect)
    .udp()
    .prefilter(Prefilter::ANY.udp_literal(NAME).udp_at_least(NAME.len() + 2))
    .first_words()
    .one_way()
    .facts(&["artnet.node", "artnet.operation"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"Art-Net\0\0\x50\0\x0e\x01\0\0\0\0\x02\x80\xff"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"Art-Net\0\0\x20\0\x0e\x02\0"],
            responder: &[b"Art-Net\0\0\x21\xc0\0\x02\x07\x36\x19\0\x01\0\0\0\0\0\0\0\0buoy\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Artnet, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let Some(&[low, high]) = bytes.strip_prefix(NAME).and_then(|rest| rest.first_chunk()) else {
        let may_begin = cut && bytes.iter().zip(NAME).all(|(byte, name)| byte == name);
        return if may_begin { Side::Perhaps } else { Side::Other };
    };
    let operation = u16::from_le_bytes([low, high]);
    match operation {
        POLL | ADDRESS | INPUT | DEVICE_REQUEST => {
            statement.role(Role::Client);
            statement.awaits_answer();
        }
        0x2400 | 0x5000 | 0x5100 | 0x5200 | 0x9700 => statement.role(Role::Client),
        POLL_REPLY | DEVICE_DATA => statement.role(Role::Server),
        _ => {}
    }
    statement.fact("artnet.operation", name(operation).as_bytes(), offset);
    if let (POLL_REPLY, Some(node)) = (operation, bytes.get(SHORT_NAME)) {
        let node = node.split(|&b| b == 0).next().unwrap_or(node);
        statement.fact("artnet.node", node, offset);
    }
    Side::Matches
}

fn name(operation: u16) -> String {
    let known = match operation {
        POLL => "poll",
        POLL_REPLY => "poll reply",
        0x2300 => "diagnostics",
        0x2400 => "command",
        0x5000 => "DMX",
        0x5100 => "non-zero start",
        0x5200 => "sync",
        ADDRESS => "address",
        INPUT => "input",
        DEVICE_REQUEST => "device request",
        DEVICE_DATA => "device data",
        0x8300 => "RDM",
        0x9700 => "time code",
        other => return format!("{other:#06x}"),
    };
    known.into()
}
