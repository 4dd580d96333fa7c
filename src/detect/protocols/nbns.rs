//! `NetBIOS` names: RFC 1001 and RFC 1002, section 4.2, over UDP.
//!
//! The header is that of DNS, but the operations, the types and the form of names are not: a name of
//! 16 bytes is encoded in 32 letters from `A` to `P`, which no host of DNS is called, and each
//! message is about one name of type NB or NBSTAT.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine, lossy};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of the header, and of an encoded name with its length.
const HEADER: usize = 12;
const ENCODED: usize = 33;
/// Bytes of a name; the last is its suffix, the kind of service.
const NAME: usize = 16;
/// Bytes of a message at most, and labels of a scope.
const LONGEST: usize = 1500;
const LABELS: usize = 8;
/// The bit of a response in the third byte, and the bit that must be zero in the fourth.
const RESPONSE: u8 = 0x80;
/// Types of records.
const NB: u16 = 0x20;
const STATUS: u16 = 0x21;
const NULL: u16 = 0x0a;
const INTERNET: u16 = 1;
/// Names of a node and addresses that are stated at most.
const STATED: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Nbns, inspect)
    .udp()
    // An identifier, an operation, flags, and the numbers of records, which are small.
    .prefilter(
        Prefilter::ANY
            .udp_skip(2)
            .udp_then(&[
                0..=7, 0x28..=0x37, 0x40..=0x4f, 0x78..=0x87, 0xa8..=0xcf, 0xf8..=0xff,
            ])
            .udp_then(&[0..=7, 0x10..=0x17, 0x80..=0x87, 0x90..=0x97])
            .udp_then(&[0..=0])
            .udp_skip(1)
            .udp_then(&[0..=0])
            .udp_at_least(HEADER + ENCODED + 1),
    )
    .facts(&["nbns.operation", "nbns.name", "nbns.address", "nbns.error"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x1a\x2b\x01\x10\0\x01\0\0\0\0\0\0\x20EIEBFCECEPFFFCCACACACACACACACAAA\0\0\x20\0\x01"],
            responder: &[b"\x1a\x2b\x85\0\0\0\0\x01\0\0\0\0\x20EIEBFCECEPFFFCCACACACACACACACAAA\0\0\x20\0\x01\0\0\x0e\x10\0\x06\0\0\xc0\0\x02\x0a"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x1a\x2c\x29\x10\0\x01\0\0\0\0\0\x01\x20EIEBFCECEPFFFCCACACACACACACACAAA\0\0\x20\0\x01\xc0\x0c\0\x20\0\x01\0\0\x0e\x10\0\x06\0\0\xc0\0\x02\x0a"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x1a\x2d\0\0\0\x01\0\0\0\0\0\0\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01"],
            responder: &[b"\x1a-\x84\0\0\0\0\x01\0\0\0\0 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0!\0\x01\0\0\0\0\0A\x01HARBOUR        \0\x04\0\x02\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Nbns, opening, depth, |statement| by_datagram(statement, message))
}

/// What the header of a message says.
struct NbnsHeader {
    operation: &'static str,
    is_response: bool,
    rcode: u8,
    /// Answers, or for a refusal without one the name alone.
    answers: u8,
    additional: u8,
}

impl NbnsHeader {
    /// Reads the header; `None` where the bytes, which may be fewer, are none.
    fn read(bytes: &[u8]) -> Option<Self> {
        let byte = |at: usize| bytes.get(at).copied();
        let is_response = byte(2).unwrap_or(0) & RESPONSE != 0;
        let operation = match byte(2).unwrap_or(0) >> 3 & 15 {
            0 => "query",
            5 => "registration",
            6 => "release",
            7 if is_response => "wait",
            8 | 9 => "refresh",
            15 => "multi-homed registration",
            _ => return None,
        };
        // Two reserved bits, and an error only in a response.
        let flags = byte(3).unwrap_or(0);
        let rcode = flags & 15;
        if flags & 0x60 != 0 || !is_response && rcode != 0 || rcode > 7 {
            return None;
        }
        let high = [4, 6, 8, 10].iter().all(|&at| matches!(byte(at), None | Some(0)));
        let [questions, answers, authorities, additional] =
            [5, 7, 9, 11].map(|at| byte(at).unwrap_or(0));
        let is_query = operation == "query";
        // Registrations and releases carry the record that they are about.
        let fits = if is_response {
            questions == 0 && answers <= 1 && authorities <= 1 && additional <= 1
        } else {
            questions == 1
                && (answers, authorities) == (0, 0)
                && (additional == 1 || is_query && additional == 0)
        };
        let fits = fits || bytes.len() < HEADER;
        (high && fits).then_some(Self { operation, is_response, rcode, answers, additional })
    }
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    let unfinished = if cut { Side::Perhaps } else { Side::Other };
    if bytes.get(HEADER).is_some_and(|&len| usize::from(len) != ENCODED - 1)
        || bytes.len() > LONGEST
    {
        return Side::Other;
    }
    let Some(header) = NbnsHeader::read(bytes) else { return Side::Other };
    let rest = bytes.get(HEADER..).unwrap_or_default();
    let letters = rest.get(1..).unwrap_or_default();
    if !letters.iter().take(ENCODED - 1).all(|letter| (b'A'..=b'P').contains(letter)) {
        return Side::Other;
    }
    let Some((encoded, behind)) = rest.split_at_checked(ENCODED) else { return unfinished };
    let Some(scope) = scope_len(behind) else {
        return if behind.len() < LONGEST && cut { Side::Perhaps } else { Side::Other };
    };
    let Some(&[a, b, c, d]) = behind.get(scope..).and_then(|rest| rest.first_chunk()) else {
        return unfinished;
    };
    let (kind, class) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let is_known = match kind {
        NB => true,
        STATUS => header.operation == "query",
        NULL => header.is_response,
        _ => false,
    };
    let record_at = HEADER + ENCODED + scope + 4;
    let record = bytes.get(record_at..).unwrap_or_default();
    let data = if header.is_response { data(record) } else { Some(&[][..]) };
    let Some(data) = data.filter(|_| is_known && class == INTERNET) else {
        let is_short = is_known && class == INTERNET && cut;
        return if is_short { Side::Perhaps } else { Side::Other };
    };
    let is_ended = match header.additional {
        _ if header.is_response => header.answers == 0 || record_at + 6 + data.len() <= bytes.len(),
        1 => cut || additional(record),
        _ => record.is_empty(),
    };
    if !is_ended {
        return Side::Other;
    }
    statement.role(if header.is_response { Role::Server } else { Role::Client });
    let operation = if kind == STATUS { "node status" } else { header.operation };
    statement.fact("nbns.operation", operation.as_bytes(), at + 2);
    statement.fact_text("nbns.name", decoded(encoded), at + HEADER);
    if header.is_response {
        state_answer(statement, &header, kind, data, at + record_at + 6);
    }
    Side::Matches
}

/// Bytes of the labels behind the name, with the zero that ends them; `None` where they are none.
fn scope_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..LABELS {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            _ => return None,
        }
    }
    None
}

/// The data of a record behind its name, type and class; `None` where they are not there whole.
fn data(record: &[u8]) -> Option<&[u8]> {
    let len = usize::from(u16::from_be_bytes(*record.get(4..)?.first_chunk()?));
    record.get(6..6 + len)
}

/// Whether a request's record refers to its name, has an address and ends the message.
fn additional(record: &[u8]) -> bool {
    let Some((&[0xc0, 0x0c, a, b, c, d], rest)) = record.split_first_chunk() else { return false };
    let (kind, class) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    kind == NB && class == INTERNET && data(rest).is_some_and(|data| data.len() + 6 == rest.len())
}

/// The name that 32 letters encode, half a byte each, and its suffix in hexadecimal digits.
fn decoded(encoded: &[u8]) -> String {
    let halves = encoded.get(1..).unwrap_or_default().chunks_exact(2);
    let name: Vec<u8> = halves
        .map(|pair| pair[0].wrapping_sub(b'A') << 4 | pair[1].wrapping_sub(b'A') & 15)
        .collect();
    suffixed(&name)
}

/// A name of 16 bytes with its suffix, as `nbtstat` writes it.
fn suffixed(name: &[u8]) -> String {
    let (text, suffix) = name.split_at(name.len().min(NAME - 1));
    let padding: &[_] = &[' ', '\0'];
    let text = lossy(text);
    format!("{}<{:02x}>", text.trim_end_matches(padding), suffix.first().copied().unwrap_or(0))
}

/// States what a response says: an error, addresses, or the names of a node.
fn state_answer(
    statement: &mut Statement<'_>,
    header: &NbnsHeader,
    kind: u16,
    data: &[u8],
    at: usize,
) {
    let error: Option<&[u8]> = match header.rcode {
        0 => None,
        1 => Some(b"format error"),
        2 => Some(b"server failure"),
        3 => Some(b"no such name"),
        4 => Some(b"not supported"),
        5 => Some(b"refused"),
        6 => Some(b"active: another node owns the name"),
        _ => Some(b"in conflict"),
    };
    if let Some(error) = error {
        statement.fact("nbns.error", error, at);
    }
    match kind {
        NB if header.operation == "query" => {
            for (i, address) in data.chunks_exact(6).take(STATED).enumerate() {
                let text = format!("{}.{}.{}.{}", address[2], address[3], address[4], address[5]);
                statement.fact_text("nbns.address", text, at + 6 * i);
            }
        }
        STATUS => {
            let count = data.first().map_or(0, |&count| usize::from(count)).min(STATED);
            let names = data.get(1..).unwrap_or_default().chunks_exact(NAME + 2);
            for (i, name) in names.take(count).enumerate() {
                statement.fact_text("nbns.name", suffixed(&name[..NAME]), at + 1 + 18 * i);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::registry;

    const QUERY: &[u8] = DETECTOR.samples[0].initiator[0];

    fn detect(datagram: &[u8]) -> Option<Protocol> {
        let opening = Opening::from_payloads(Transport::Udp, &[datagram], &[]);
        registry::inspect(&opening, Depth::Facts).protocol
    }

    #[test]
    fn names_are_decoded_with_their_suffix() {
        let names = |sample: usize| {
            let Detection::Yes(found) = inspect(&DETECTOR.samples[sample].opening(), Depth::Facts)
            else {
                panic!()
            };
            let of = |fact: &crate::evidence::Fact| {
                (fact.name.stem == "nbns.name").then(|| fact.value.clone())
            };
            found.facts.iter().filter_map(of).collect::<Vec<_>>()
        };
        assert_eq!(names(0), ["HARBOUR<00>", "HARBOUR<00>"]);
        assert_eq!(names(2), ["*<00>", "*<00>", "HARBOUR<00>"]);
    }

    #[test]
    fn questions_of_dns_are_not_netbios() {
        assert_eq!(detect(QUERY), Some(Protocol::Nbns));
        // The type of an address, of another class, a letter that encodes nothing, an operation
        // that DNS has, two questions, a byte behind the message.
        for (at, value) in [(47, 1), (49, 3), (20, b'Q'), (2, 0x20), (5, 2), (12, 31)] {
            let mut changed = QUERY.to_vec();
            changed[at] = value;
            assert_ne!(detect(&changed), Some(Protocol::Nbns), "{at}");
        }
        assert_eq!(detect(&[QUERY, b"\0"].concat()), None);
        let dns =
            b"\x1a\x2b\x01\0\0\x01\0\0\0\0\0\0\x20abcdefghijklmnopabcdefghijklmnop\0\0\x01\0\x01";
        assert_eq!(detect(dns), Some(Protocol::Dns));
    }

    #[test]
    fn a_name_in_a_scope_is_a_name() {
        let scoped = [&QUERY[..45], b"\x04pier\x04test\0", &QUERY[46..]].concat();
        assert_eq!(detect(&scoped), Some(Protocol::Nbns));
    }
}
