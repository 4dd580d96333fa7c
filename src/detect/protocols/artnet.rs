//! Art-Net 4: <https://art-net.org.uk/downloads/art-net.pdf>, section «Packet definitions»: a name
//! of eight bytes, an operation, and in most messages the revision.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::Opening;

const NAME: &[u8] = b"Art-Net\0";
/// The place of the short name in the answer to a poll.
const SHORT_NAME: std::ops::Range<usize> = 26..44;
const POLL_REPLY: u16 = 0x2100;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Artnet, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[b'A'..=b'A']))
    .first_words()
    .facts(&["artnet.node", "artnet.operation"])
    .samples(&[Sample {
        transport: Transport::Udp,
        initiator: &[b"Art-Net\0\0\x50\0\x0e\x01\0\0\0\0\x02\x80\xff"],
        responder: &[],
    }]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Artnet, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, _: bool) -> Side {
    let Some(&[low, high]) = bytes.strip_prefix(NAME).and_then(|rest| rest.first_chunk()) else {
        return Side::Other;
    };
    let operation = u16::from_le_bytes([low, high]);
    statement.fact("artnet.operation", name(operation).as_bytes(), offset);
    if let (POLL_REPLY, Some(node)) = (operation, bytes.get(SHORT_NAME)) {
        let node = node.split(|&b| b == 0).next().unwrap_or(node);
        statement.fact("artnet.node", node, offset);
    }
    Side::Matches
}

fn name(operation: u16) -> String {
    let known = match operation {
        0x2000 => "poll",
        POLL_REPLY => "poll reply",
        0x2300 => "diagnostics",
        0x2400 => "command",
        0x5000 => "DMX",
        0x5100 => "non-zero start",
        0x5200 => "sync",
        0x6000 => "address",
        0x7000 => "input",
        0x8000 => "device request",
        0x8100 => "device data",
        0x8300 => "RDM",
        0x9700 => "time code",
        other => return format!("{other:#06x}"),
    };
    known.into()
}
