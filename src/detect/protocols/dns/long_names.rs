//! Long names that look random: what a tunnel through DNS asks for. The caller counts them.

use std::net::IpAddr;

use super::RESPONSE;
use super::name::{HEADER, LastName, ends_with};
use crate::decode::Transport;
use crate::evidence::Direction;
use crate::flow::Opening;

/// Bytes of a record before its data, where its name is a pointer.
const RECORD: usize = 12;
/// Characters of a name that is long.
const LONG: usize = 40;
/// Bits of information that a character of its labels carries at least (Shannon's entropy).
/// Hexadecimal digits carry up to 4, base 32 up to 5, words of a language some 3.
const BITS: f64 = 3.5;
/// Characters of the longest label of data at least: that of a content network's host is shorter.
const DATA: usize = 24;
/// Characters of a third label that may be part of a domain; a longer one is part of the data.
const OWN_LABEL: usize = 16;
/// Second labels under which a country registers domains.
const REGISTRIES: [&str; 10] = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];

/// A question for a long name, or the answer to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongName {
    /// The domains of two and of three labels above the rest, in lower case; none, one or both.
    pub parents: [Option<String>; 2],
    /// A hash of the name in lower case, the same on every machine.
    pub hash: u64,
    /// The answer's bytes and whether the record asked for is `TXT`, `NULL` or `CNAME`; `None` for
    /// a question.
    pub answer: Option<(u32, bool)>,
    /// The number of the frame.
    pub frame: u64,
}

/// Calls `each` with the long names in the datagrams of a DNS client and its server, as far as the
/// opening has them. Over TCP there are none.
pub fn long_names(opening: &Opening, mut each: impl FnMut(LongName)) {
    if opening.transport() != Transport::Udp {
        return;
    }
    let mut last = None;
    for (direction, stream) in opening.sides() {
        for (bytes, frame, _) in stream.datagrams() {
            if is_long(bytes) {
                let last = last.get_or_insert_with(LastName::new);
                read(bytes, frame, direction, last).into_iter().for_each(&mut each);
            }
        }
    }
}

/// The long name in a datagram of DNS that a side sent, if it has one.
#[must_use]
pub fn long_name(bytes: &[u8], frame: u64, direction: Direction) -> Option<LongName> {
    if is_long(bytes) { read(bytes, frame, direction, &mut LastName::new()) } else { None }
}

/// Whether the first name of a message, up to its end or a pointer, has as many bytes as a long one.
/// Nearly all messages end here: most names are short, and to read their letters takes ten times as
/// long.
fn is_long(bytes: &[u8]) -> bool {
    // Header, two lengths, type and class.
    if bytes.len() < HEADER + LONG + 6 {
        return false;
    }
    let mut at = HEADER;
    while let Some(&len @ 1..=63) = bytes.get(at) {
        at += 1 + usize::from(len);
    }
    at > HEADER + LONG
}

fn read(bytes: &[u8], frame: u64, direction: Direction, last: &mut LastName) -> Option<LongName> {
    let &[_, _, flags, rcode, 0, 1, answers_high, answers_low, ..] =
        bytes.first_chunk::<HEADER>()?
    else {
        return None;
    };
    let is_response = flags & RESPONSE != 0;
    if is_response != (direction == Direction::Responder) {
        return None;
    }
    let has_answers = rcode.trailing_zeros() >= 4 && (answers_high, answers_low) != (0, 0);
    let name = last.read(bytes, HEADER)??;
    let &[kind_high, kind_low] = bytes.get(name.next..)?.first_chunk()?;
    let kind = u16::from_be_bytes([kind_high, kind_low]);
    if name.text.len() < LONG {
        return None;
    }
    let text = name.text.to_ascii_lowercase();
    let parents = parents(&text)?;
    // NULL (RFC 1035, section 3.3.10) is 10, CNAME 5, TXT 16.
    let is_bulky = matches!(kind, 5 | 10 | 16);
    // Addresses carry little, however many there are.
    let addresses = usize::from(u16::from_be_bytes([answers_high, answers_low]))
        * match kind {
            1 => RECORD + 4,
            28 => RECORD + 16,
            _ => 0,
        };
    let answer_bytes =
        (bytes.len() - HEADER).saturating_sub(text.len() + 6).saturating_sub(addresses) as u32;
    let answer = is_response.then_some((answer_bytes, is_bulky));
    if is_response && !has_answers {
        return None;
    }
    Some(LongName { parents, hash: hash(&text), answer, frame })
}

/// The domains of two and three labels that a name is under; `None` if it is an address, a service,
/// or does not look random.
fn parents(name: &str) -> Option<[Option<String>; 2]> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_service = name.split('.').any(|label| label == "_tcp" || label == "_udp");
    if ends_with(name, ".arpa") || name.parse::<IpAddr>().is_ok() || is_service {
        return None;
    }
    let (before, top) = name.rsplit_once('.')?;
    let (before, second) = before.rsplit_once('.')?;
    let is_registry = top.len() == 2 && REGISTRIES.contains(&second);
    let third = before.rsplit_once('.').filter(|(_, third)| third.len() <= OWN_LABEL);
    let data = if is_registry { third?.0 } else { before };
    let longest = data.split('.').map(str::len).max().unwrap_or(0);
    if longest < DATA || entropy(data.bytes().filter(|&b| b != b'.')) < BITS {
        return None;
    }
    let two = (!is_registry).then(|| format!("{second}.{top}"));
    Some([two, third.map(|(_, third)| format!("{third}.{second}.{top}"))])
}

/// Shannon's entropy of bytes, in bits for each.
fn entropy(bytes: impl Iterator<Item = u8>) -> f64 {
    let (mut counts, mut len) = ([0_u32; 256], 0_u32);
    for byte in bytes {
        counts[usize::from(byte)] += 1;
        len += 1;
    }
    let share = |&n: &u32| f64::from(n) / f64::from(len);
    counts.iter().filter(|&&n| n > 0).map(share).map(|p| -p * p.log2()).sum()
}

/// FNV-1a with a final mix: the same everywhere, and good enough to count.
fn hash(text: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u8, name: &str, kind: u16, answer: usize) -> Vec<u8> {
        let mut bytes = vec![1, 2, flags, 0, 0, 1, 0, u8::from(answer > 0), 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1]);
        bytes.extend(std::iter::repeat_n(7, answer));
        bytes
    }

    fn found(question: &[u8], answer: &[u8]) -> Vec<LongName> {
        let mut found = Vec::new();
        long_names(&Opening::from_payloads(Transport::Udp, &[question], &[answer]), |name| {
            found.push(name);
        });
        found
    }

    const RANDOM: &str = "44zkfgdkgv6sxjp5zoqobpkj4oz5nzx3yyuwhmnst7xetea3";

    #[test]
    fn a_question_and_its_answer_name_the_domains_above_the_data() {
        let name = format!("{RANDOM}.T.example.test");
        let all = found(&message(1, &name, 16, 0), &message(0x81, &name, 16, 90));
        assert_eq!(all.len(), 2);
        let parents = [Some("example.test".to_owned()), Some("t.example.test".to_owned())];
        assert_eq!((&all[0].parents, all[0].answer), (&parents, None));
        assert_eq!((&all[1].parents, all[1].answer), (&parents, Some((90, true))));
        assert_eq!(all[0].hash, all[1].hash);
        assert_ne!(all[0].frame, all[1].frame);
    }

    #[test]
    fn a_long_third_label_is_data_and_a_registry_is_nobodys_domain() {
        let parents =
            |name: &str| super::parents(name).map(|both| both.map(Option::unwrap_or_default));
        assert_eq!(parents(&format!("{RANDOM}.example.test")).unwrap(), ["example.test", ""]);
        assert_eq!(
            parents(&format!("{RANDOM}.shop.co.uk")).unwrap(),
            ["", "shop.co.uk"],
            "co.uk is a registry"
        );
        assert_eq!(parents(&format!("{RANDOM}.co.uk")), None);
    }

    #[test]
    fn addresses_services_words_and_short_names_are_not_data() {
        for name in [
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
            "printer-office-second-floor-x1y2z3a4b5c6d7._ipp._tcp.example.test",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.test",
            "short.example.test",
            "shop-2041881337.us-east-1.balancers.cloud.test",
        ] {
            assert!(
                found(&message(1, name, 1, 0), &message(0x81, name, 1, 16)).is_empty(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_answer_that_says_no_name_is_none() {
        let name = format!("{RANDOM}.example.test");
        let mut refused = message(0x81, &name, 1, 0);
        refused[3] = 3;
        assert_eq!(found(&message(1, &name, 1, 0), &refused).len(), 1, "only the question");
    }
}
