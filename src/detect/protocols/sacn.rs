//! sACN, streaming ACN: ANSI E1.31-2018, section 4: the root layer with its name of twelve bytes,
//! then the framing layer.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Sizes of preamble and postamble, then the packet's name.
const ROOT: &[u8] = b"\0\x10\0\0ASC-E1.17\0\0\0";
/// Vectors of the root layer: data, extended.
const VECTORS: [u32; 2] = [4, 8];
const SOURCE: std::ops::Range<usize> = 44..108;
const UNIVERSE: std::ops::Range<usize> = 113..115;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Sacn, inspect)
    .udp()
    .prefilter(Prefilter::ANY.udp_literal(ROOT).udp_at_least(ROOT.len() + 6))
    .first_words()
    .one_way()
    .facts(&["sacn.layer", "sacn.source", "sacn.universe"])
    .samples(&[Sample {
        transport: Transport::Udp,
        initiator: &[b"\0\x10\0\0ASC-E1.17\0\0\0\x70\x58\0\0\0\x04source-cid-0001\0\x70\x42\0\0\0\x02tide board\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x64\0\0\x07\0\0\x07"],
        responder: &[],
    }]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Sacn, opening, depth, |statement| by_datagram(statement, packet))
}

fn packet(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    if cut && bytes.len() < ROOT.len() + 6 && bytes.iter().zip(ROOT).all(|(a, b)| a == b) {
        return Side::Perhaps;
    }
    let Some(rest) = bytes.strip_prefix(ROOT) else { return Side::Other };
    let vector = rest.get(2..).and_then(|rest| rest.first_chunk()).map(|b| u32::from_be_bytes(*b));
    let Some(vector) = vector.filter(|vector| VECTORS.contains(vector) && rest[0] >> 4 == 7) else {
        return Side::Other;
    };
    statement.role(Role::Client);
    statement.fact("sacn.layer", if vector == VECTORS[0] { b"data" } else { b"extended" }, offset);
    if let Some(source) = bytes.get(SOURCE) {
        statement.fact("sacn.source", source.split(|&b| b == 0).next().unwrap_or(source), offset);
    }
    if let (Some(&[high, low]), true) =
        (bytes.get(UNIVERSE).and_then(|b| b.first_chunk()), vector == VECTORS[0])
    {
        statement.fact(
            "sacn.universe",
            u16::from_be_bytes([high, low]).to_string().as_bytes(),
            offset,
        );
    }
    Side::Matches
}
