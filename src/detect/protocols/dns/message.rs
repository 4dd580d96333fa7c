//! One DNS message, checked to its last byte: RFC 1035, section 4.

use std::borrow::Cow;

use crate::detect::statement::lossy;

pub(super) const HEADER: usize = 12;
/// Bytes of a name with its lengths (RFC 1035, section 2.3.4), and of a label.
const NAME: usize = 255;
const LABEL: usize = 63;
/// Questions in a message; servers take one, multicast DNS asks for some at once.
const QUESTIONS: u16 = 64;
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const RCODE: u16 = 0x000f;
const TRUNCATED: u16 = 0x0200;
const AUTHORITATIVE: u16 = 0x0400;
const RECURSION: u16 = 0x0100;
const RECURSIVE: u16 = 0x0080;
/// The bit that has stayed reserved (RFC 6895, section 2).
const RESERVED: u16 = 0x0040;
/// Multicast DNS: «answer me alone» in a question, «forget what you knew» in a record (RFC 6762,
/// sections 5.4 and 10.2).
const TOP_OF_CLASS: u16 = 0x8000;
const INTERNET: u16 = 1;
/// The additional record that carries options (RFC 6891): its class is a size.
const OPT: u16 = 41;
/// A name that NetBIOS (RFC 1002, whose header is the same) has encoded: two letters of A to P for
/// each of 16 bytes.
const NETBIOS_NAME: usize = 32;

impl Name<'_> {
    /// Whether it is a name as hosts, services and tunnels in base 64 have them.
    fn is_host(&self) -> bool {
        self.text.len() > 1
            && self.text.contains('.')
            && self.text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_*+/=".contains(&b))
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) response: bool,
    pub(super) rcode: u16,
    pub(super) answers: u16,
    /// Name and type of the first question, else of the first record.
    pub(super) about: String,
    pub(super) kind: u16,
    /// It is multicast DNS by its own signs.
    pub(super) multicast: bool,
}

/// Seconds that answers of link-local name resolution last (RFC 4795, section 2.8), and some more.
const LINK_LOCAL_TTL: u32 = 60;

struct Record<'t> {
    name: Name<'t>,
    kind: u16,
    class: u16,
    ttl: u32,
    /// Where what follows it begins.
    next: usize,
}

/// The name that was read last: answers mostly repeat the question's by a pointer to it.
struct Last {
    text: String,
    /// Where it stands; zero where none was read.
    from: usize,
    odd: bool,
}

/// What a name was found to be.
struct Name<'t> {
    /// The name without pointers, or with what they point to.
    text: &'t str,
    /// Where what follows it begins.
    next: usize,
    /// It has characters that nobody can read: names of hosts are letters, those of services
    /// anything that is readable.
    odd: bool,
}

/// What bytes were found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A message that may be of a neighbour's, or whose telling part is cut off.
    Perhaps,
    /// A message of DNS or multicast DNS.
    Message(Message),
}

/// A message's header, of which one field may be damaged.
struct Header {
    id: u16,
    flags: u16,
    /// Questions, answers, authorities and additional records, as it says.
    counts: [u16; 4],
    /// Questions to be read.
    questions: usize,
    records: u32,
    /// One field is damaged: the question must be beyond doubt.
    faulty: bool,
    /// It counts more records than have room.
    crowded: bool,
}

impl Header {
    fn read(bytes: &[u8], cut: bool) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (id, flags) = (word(0), word(2));
        let counts = [word(4), word(6), word(8), word(10)];
        let records: u32 = counts[1..].iter().map(|&n| u32::from(n)).sum();
        let questions = usize::from(counts[0]);
        let empty = questions == 0 && records == 0;
        // A question has five bytes at the least, a record eleven.
        let too_many = counts[0] > QUESTIONS || (!cut && HEADER + 5 * questions > bytes.len());
        let crowded =
            !cut && flags & TRUNCATED == 0 && HEADER as u32 + 11 * records > bytes.len() as u32;
        let faults = [
            !matches!(flags >> 11 & 15, 0 | 2 | 4 | 5),
            flags & RESERVED != 0,
            flags & RESPONSE == 0 && flags & RCODE != 0,
            too_many,
            empty,
        ];
        let faults = faults.iter().filter(|&&fault| fault).count();
        let questions = if too_many || empty { 1 } else { questions };
        let header = Self { id, flags, counts, questions, records, faulty: faults == 1, crowded };
        (faults <= 1).then_some(header)
    }
}

/// Reads a whole message; `None` where it is none. A message that was `cut` by the capture may end
/// early.
#[allow(clippy::too_many_lines, reason = "one walk over a message: to be split")]
pub(super) fn read(bytes: &[u8], cut: bool) -> Option<Found> {
    let Header { id, flags, counts, questions, records, faulty, crowded } =
        Header::read(bytes, cut)?;
    let (response, rcode) = (flags & RESPONSE != 0, flags & RCODE);
    let mut at = HEADER;
    // Names are read into one text, of which the first is kept.
    let mut last = Last { text: String::with_capacity(NAME), from: 0, odd: false };
    let mut first: Option<(String, u16, bool)> = None;
    let mut multicast_class = false;
    let (mut local, mut reverse, mut lasting) = (false, false, false);
    let (mut ended, mut odd, mut damaged) = (false, false, crowded);
    for _ in 0..questions {
        let (name, kind, class) = match question(bytes, at, &mut last) {
            Some(Some(question)) => question,
            Some(None) => {
                ended = true;
                break;
            }
            None if first.is_some() => {
                damaged = true;
                break;
            }
            None => return None,
        };
        // A name as hosts have it, alone and behind a sane header, is a question even where its
        // kind is damaged.
        if (!is_class(class & !TOP_OF_CLASS) || kind == 0) && !(questions == 1 && name.is_host()) {
            return None;
        }
        if faulty && !(name.is_host() && class == INTERNET && is_common(kind)) {
            return None;
        }
        odd |= name.odd;
        multicast_class |= is_class(class & !TOP_OF_CLASS) && class & TOP_OF_CLASS != 0;
        local |= is_local(name.text);
        reverse |= is_reverse(name.text);
        at = name.next + 4;
        if first.is_none() {
            first = Some((name.text.to_owned(), kind, name.is_host()));
        }
    }
    // Where the questions are good, a damaged record is that of a damaged message, not of another
    // language.
    let asked = first.as_ref().is_some_and(|(_, _, is_host)| *is_host);
    for _ in 0..records {
        if ended || damaged {
            break;
        }
        match record(bytes, at, &mut last) {
            None => damaged = true,
            Some(None) => ended = true,
            Some(Some(Record { kind, class, .. }))
                if kind == 0 || (kind != OPT && !is_class(class & !TOP_OF_CLASS)) =>
            {
                damaged = true;
            }
            Some(Some(record)) => {
                multicast_class |= record.kind != OPT && record.class & TOP_OF_CLASS != 0;
                local |= is_local(record.name.text);
                reverse |= is_reverse(record.name.text);
                odd |= record.name.odd;
                lasting |= record.kind != OPT && record.ttl > LINK_LOCAL_TTL;
                at = record.next;
                if first.as_ref().is_none_or(|(_, kind, _)| *kind == OPT) {
                    first = Some((record.name.text.to_owned(), record.kind, record.name.is_host()));
                }
            }
        }
        if damaged {
            break;
        }
    }
    let complete = match () {
        () if damaged => asked,
        () if ended => cut || asked || flags & TRUNCATED != 0,
        () => at == bytes.len() || asked,
    };
    let Some((name, kind, _)) = first else {
        // Cut within the first name: nothing speaks against it.
        return (ended && cut).then_some(Found::Perhaps);
    };
    let unasked = flags & OPCODE == 0 && !response && counts[0] == 0;
    let service = ends_with(&name, "._tcp.local") || ends_with(&name, "._udp.local");
    let wanted = flags & RECURSION != 0;
    let multicast = service || (!wanted && (local || (id == 0 && (reverse || multicast_class))));
    // Unreadable names are read in what is otherwise without a fault.
    let faultless = !faulty && !damaged && !ended && at == bytes.len();
    if !complete
        || (odd && !faultless)
        || unasked
        || is_netbios(&name)
        || (multicast_class && !multicast)
    {
        return None;
    }
    // Link-local name resolution (RFC 4795) sets no flag at all; neither may a server that asks
    // another. Its answers do not last, nobody on a link has the loopback's address, it knows no
    // services, and its names have one label, but where its identifier is zero, which is what no
    // server asks another with.
    let labels = name.contains('.') && !reverse && id != 0;
    let foreign = lasting || ends_with(&name, ".127.in-addr.arpa") || labels;
    if !multicast
        && !foreign
        && flags & (AUTHORITATIVE | RECURSION | RECURSIVE) == 0
        && (counts[2], counts[3]) == (0, 0)
    {
        return Some(Found::Perhaps);
    }
    Some(Found::Message(Message {
        response,
        rcode,
        answers: counts[1],
        about: name,
        kind,
        multicast,
    }))
}

/// A question at `at`: `Some(None)` where the bytes end within it, `None` where it is none.
#[allow(clippy::option_option, reason = "no, not yet, yes")]
fn question<'t>(
    bytes: &[u8],
    at: usize,
    last: &'t mut Last,
) -> Option<Option<(Name<'t>, u16, u16)>> {
    let Some(name) = name(bytes, at, last)? else { return Some(None) };
    let Some(&[a, b, c, d]) = bytes.get(name.next..).and_then(|rest| rest.first_chunk()) else {
        return Some(None);
    };
    Some(Some((name, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))))
}

#[allow(clippy::option_option, reason = "as `question`")]
fn record<'t>(bytes: &[u8], at: usize, last: &'t mut Last) -> Option<Option<Record<'t>>> {
    let Some((name, kind, class)) = question(bytes, at, last)? else { return Some(None) };
    let rest = bytes.get(name.next + 4..).unwrap_or(&[]);
    let (Some(ttl), Some(len)) =
        (rest.first_chunk(), rest.get(4..).and_then(|rest| rest.first_chunk()))
    else {
        return Some(None);
    };
    let next = name.next + 10 + usize::from(u16::from_be_bytes(*len));
    if next > bytes.len() {
        return Some(None);
    }
    Some(Some(Record { name, kind, class, ttl: u32::from_be_bytes(*ttl), next }))
}

/// A name at `at`; pointers lead backwards (RFC 1035, section 4.1.4).
#[allow(clippy::option_option, reason = "as `question`")]
fn name<'t>(bytes: &[u8], mut at: usize, last: &'t mut Last) -> Option<Option<Name<'t>>> {
    if let Some(&[high @ 0xc0..=0xff, low]) = bytes.get(at..at + 2)
        && pointed(high, low) == last.from
        && last.from >= HEADER
    {
        return Some(Some(Name { text: &last.text, next: at + 2, odd: last.odd }));
    }
    let mut from = at;
    last.from = 0;
    let text = &mut last.text;
    text.clear();
    let (mut labels, mut read, mut next, mut odd) = (0, 0, None, false);
    loop {
        let Some(&len) = bytes.get(at) else { return Some(None) };
        match len {
            0 => break,
            0xc0..=0xff => {
                let Some(&low) = bytes.get(at + 1) else { return Some(None) };
                let to = pointed(len, low);
                next.get_or_insert(at + 2);
                from = if at == from { to } else { from };
                if to >= at || to < HEADER {
                    return None;
                }
                at = to;
            }
            _ if usize::from(len) <= LABEL => {
                let Some(label) = bytes.get(at + 1..=at + usize::from(len)) else {
                    return Some(None);
                };
                odd |= label.iter().any(u8::is_ascii_control);
                if labels > 0 {
                    text.push('.');
                }
                text.push_str(&lossy(label));
                labels += 1;
                at += 1 + usize::from(len);
            }
            _ => return None,
        }
        read += 1 + usize::from(len & 0x3f);
        if read > 4 * NAME {
            return None;
        }
    }
    if text.len() > 4 * NAME {
        return None;
    }
    if text.is_empty() {
        text.push('.');
    }
    (last.from, last.odd) = (from, odd);
    Some(Some(Name { text, next: next.unwrap_or(at + 1), odd }))
}

/// Where a pointer leads.
const fn pointed(high: u8, low: u8) -> usize {
    ((high & 0x3f) as usize) << 8 | low as usize
}

/// The record types that nearly all questions ask for.
const fn is_common(kind: u16) -> bool {
    matches!(kind, 1 | 2 | 5 | 6 | 12 | 15 | 16 | 28 | 33 | 35 | 65 | 255)
}

/// Internet, chaos, hesiod, none, any (RFC 6895, section 3.2).
const fn is_class(class: u16) -> bool {
    matches!(class, 1 | 3 | 4 | 254 | 255)
}

fn is_local(name: &str) -> bool {
    ends_with(name, ".local")
}

fn is_reverse(name: &str) -> bool {
    ends_with(name, ".in-addr.arpa") || ends_with(name, ".ip6.arpa")
}

fn ends_with(name: &str, end: &str) -> bool {
    name.len()
        .checked_sub(end.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Whether nearly all of the first label is what NetBIOS makes of a name.
fn is_netbios(name: &str) -> bool {
    // Characters, not bytes: a damaged one takes three bytes of the text.
    let label = name.split('.').next().unwrap_or("").chars();
    label.clone().count() == NETBIOS_NAME
        && label.filter(|c| ('A'..='P').contains(c)).count() + 4 >= NETBIOS_NAME
}

/// The name of a record type (RFC 1035, section 3.2.2, and its successors); its number where it is
/// rare.
pub(super) fn kind_name(kind: u16) -> Cow<'static, str> {
    let known = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        other => return format!("TYPE{other}").into(),
    };
    known.into()
}
