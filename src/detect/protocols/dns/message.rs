//! One DNS message, checked to its last byte: RFC 1035, section 4.

use std::borrow::Cow;

use super::name::{DomainName, HEADER, LastName, ends_with, is_local, is_netbios, is_reverse};

/// Questions in a message at most; servers accept one, multicast DNS sends several at once.
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
/// Seconds that answers of link-local name resolution last (RFC 4795, section 2.8), with a margin.
const LINK_LOCAL_TTL: u32 = 60;

/// A message of DNS or multicast DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DnsMessage {
    pub(super) response: bool,
    pub(super) rcode: u16,
    pub(super) answers: u16,
    /// The name of the first question, else of the first record.
    pub(super) about: String,
    /// The type of the first question, else of the first record.
    pub(super) kind: u16,
    /// The message is of multicast DNS.
    pub(super) multicast: bool,
}

/// What bytes that may be a message were found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// A message that may be of a related protocol, or whose significant part was not captured.
    Perhaps,
    /// A message of DNS or link-local name resolution, which the bytes do not tell apart.
    LinkLocal(DnsMessage),
    /// A message of DNS or multicast DNS.
    Message(DnsMessage),
}

/// A message's header, of which one field may be damaged.
struct DnsHeader {
    id: u16,
    flags: u16,
    /// Questions, answers, authorities and additional records, as the header counts them.
    counts: [u16; 4],
    /// Questions to be read.
    questions: usize,
    records: u32,
    /// One field is damaged, so the question must be free of doubt.
    faulty: bool,
    /// The header counts more records than have room.
    crowded: bool,
}

impl DnsHeader {
    fn read(bytes: &[u8], cut: bool) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (id, flags) = (word(0), word(2));
        let counts = [word(4), word(6), word(8), word(10)];
        let records: u32 = counts[1..].iter().map(|&n| u32::from(n)).sum();
        let questions = usize::from(counts[0]);
        let empty = questions == 0 && records == 0;
        // A question has at least five bytes, a record eleven.
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

impl DnsHeader {
    fn is_response(&self) -> bool {
        self.flags & RESPONSE != 0
    }

    /// Whether the message is a query without a question.
    fn is_empty_query(&self) -> bool {
        self.flags & OPCODE == 0 && !self.is_response() && self.counts[0] == 0
    }

    /// Whether no flag is set that distinguishes DNS from link-local name resolution (RFC 4795),
    /// and no record follows the answers.
    fn is_plain(&self) -> bool {
        self.flags & (AUTHORITATIVE | RECURSION | RECURSIVE) == 0
            && (self.counts[2], self.counts[3]) == (0, 0)
    }

    /// Whether a [plain](Self::is_plain) header is one of link-local name resolution: a query for
    /// one name, or a response to one (RFC 4795, section 2.1.1).
    fn is_link_local(&self) -> bool {
        let has_answers = self.counts[1] > 0;
        self.flags & (OPCODE | RCODE) == 0
            && self.counts[0] == 1
            && (self.is_response() || !has_answers)
    }
}

/// The numbers of questions, of answers and of the records behind them in a response that tells of
/// no failure; `None` where the bytes are none.
pub(super) fn answer_counts(bytes: &[u8]) -> Option<[usize; 3]> {
    let DnsHeader { flags, counts, questions, .. } = DnsHeader::read(bytes, true)?;
    let [_, answers, authorities, additional] = counts.map(usize::from);
    let has_answers = flags & (RCODE | TRUNCATED) == 0 && answers > 0;
    has_answers.then_some([questions, answers, authorities + additional])
}

/// Reads a whole message; `None` where the bytes are none. A message that was `cut` by the capture
/// may end early.
pub(super) fn read(bytes: &[u8], cut: bool) -> Option<Reading> {
    let header = DnsHeader::read(bytes, cut)?;
    let mut seen = DnsSections::new(&header);
    let mut last = LastName::new();
    seen.read_questions(bytes, &header, &mut last)?;
    seen.read_records(bytes, &header, &mut last);
    let Some(Subject { name, kind, .. }) = &seen.first else {
        // Cut within the first name: nothing rules the message out.
        return (seen.ended && cut).then_some(Reading::Perhaps);
    };
    let multicast = seen.is_multicast(&header, name);
    if seen.has_controls && seen.ended && cut && !is_netbios(name) {
        return Some(Reading::Perhaps);
    }
    if !seen.is_complete(&header, bytes, cut)
        // Unreadable names are accepted only in a message that has no other fault.
        || (seen.has_controls && !seen.is_faultless(&header, bytes))
        || header.is_empty_query()
        || is_netbios(name)
        || (seen.multicast_class && !multicast)
    {
        return None;
    }
    let may_be_link_local =
        !multicast && header.is_plain() && !seen.excludes_link_local(&header, name);
    if may_be_link_local && !(header.is_link_local() && seen.is_faultless(&header, bytes)) {
        return Some(Reading::Perhaps);
    }
    let message = DnsMessage {
        response: header.is_response(),
        rcode: header.flags & RCODE,
        answers: header.counts[1],
        kind: *kind,
        multicast,
        about: seen.first.map(|first| first.name).unwrap_or_default(),
    };
    Some(if may_be_link_local { Reading::LinkLocal(message) } else { Reading::Message(message) })
}

/// What the questions and records of a message have shown.
#[allow(clippy::struct_excessive_bools, reason = "observations that do not depend on each other")]
struct DnsSections {
    /// The offset of the byte behind the last question or record.
    at: usize,
    /// The first question, else the first record.
    first: Option<Subject>,
    /// The first question is for the name of a host.
    asks_host: bool,
    /// A class has the bit that only multicast DNS sets.
    multicast_class: bool,
    /// A name is of the domain `local`.
    local: bool,
    /// A name is an address.
    reverse: bool,
    /// A record lasts longer than those of link-local name resolution.
    lasting: bool,
    /// A name has control characters.
    has_controls: bool,
    /// The bytes end within a question or a record.
    ended: bool,
    /// A question or a record is not as it must be.
    damaged: bool,
}

/// What a message is about.
struct Subject {
    name: String,
    kind: u16,
    is_host: bool,
}

impl Subject {
    fn new(name: &DomainName<'_>, kind: u16) -> Self {
        Self { name: name.text.to_owned(), kind, is_host: name.is_host() }
    }
}

impl DnsSections {
    /// Nothing yet of a message with this header.
    fn new(header: &DnsHeader) -> Self {
        Self {
            at: HEADER,
            first: None,
            asks_host: false,
            multicast_class: false,
            local: false,
            reverse: false,
            lasting: false,
            has_controls: false,
            ended: false,
            damaged: header.crowded,
        }
    }

    /// Reads the questions; `None` where the bytes are no message.
    fn read_questions(
        &mut self,
        bytes: &[u8],
        header: &DnsHeader,
        last: &mut LastName,
    ) -> Option<()> {
        for _ in 0..header.questions {
            let (name, kind, class) = match question(bytes, self.at, last) {
                Some(Some(question)) => question,
                Some(None) => {
                    self.ended = true;
                    break;
                }
                None if self.first.is_some() => {
                    self.damaged = true;
                    break;
                }
                None => return None,
            };
            // A host's name, alone and behind a sane header, is a question even where its type or
            // class is damaged.
            let known = is_class(class & !TOP_OF_CLASS);
            if (!known || kind == 0) && !(header.questions == 1 && name.is_host()) {
                return None;
            }
            if header.faulty && !(name.is_host() && class == INTERNET && is_common(kind)) {
                return None;
            }
            self.multicast_class |= known && class & TOP_OF_CLASS != 0;
            self.add_name(&name);
            self.at = name.next + 4;
            if self.first.is_none() {
                self.first = Some(Subject::new(&name, kind));
            }
        }
        // Where the questions are good, a damaged record is that of a damaged message, not of
        // another protocol.
        self.asks_host = self.first.as_ref().is_some_and(|first| first.is_host);
        Some(())
    }

    /// Reads the records, until one is cut or damaged.
    fn read_records(&mut self, bytes: &[u8], header: &DnsHeader, last: &mut LastName) {
        for _ in 0..header.records {
            if self.ended || self.damaged {
                return;
            }
            match record(bytes, self.at, last) {
                None => self.damaged = true,
                Some(None) => self.ended = true,
                Some(Some(record)) if !record.is_sane() => self.damaged = true,
                Some(Some(record)) => self.add_record(&record),
            }
        }
    }

    fn add_record(&mut self, record: &ResourceRecord<'_>) {
        if record.kind != OPT {
            self.multicast_class |= record.class & TOP_OF_CLASS != 0;
            self.lasting |= record.ttl > LINK_LOCAL_TTL;
        }
        self.add_name(&record.name);
        self.at = record.next;
        if self.first.as_ref().is_none_or(|first| first.kind == OPT) {
            self.first = Some(Subject::new(&record.name, record.kind));
        }
    }

    fn add_name(&mut self, name: &DomainName<'_>) {
        self.has_controls |= name.has_controls;
        self.local |= is_local(name.text);
        self.reverse |= is_reverse(name.text);
    }

    /// Whether the message ends with its last record, or early for a reason.
    fn is_complete(&self, header: &DnsHeader, bytes: &[u8], cut: bool) -> bool {
        match () {
            () if self.damaged => self.asks_host,
            () if self.ended => cut || self.asks_host || header.flags & TRUNCATED != 0,
            () => self.at == bytes.len() || self.asks_host,
        }
    }

    fn is_faultless(&self, header: &DnsHeader, bytes: &[u8]) -> bool {
        !header.faulty && !self.damaged && !self.ended && self.at == bytes.len()
    }

    /// Whether the message is of multicast DNS: about a service on the link, or without recursion
    /// desired and with a name or a class of multicast DNS.
    fn is_multicast(&self, header: &DnsHeader, name: &str) -> bool {
        let service = ends_with(name, "._tcp.local") || ends_with(name, "._udp.local");
        let recursion = header.flags & RECURSION != 0;
        let anonymous = header.id == 0 && (self.reverse || self.multicast_class);
        service || (!recursion && (self.local || anonymous))
    }

    /// Whether a message without flags is not of link-local name resolution (RFC 4795), which sets
    /// none; a server that queries another server may set none either. Answers of link-local name
    /// resolution do not last, no host on a link has the loopback address, services are not
    /// resolved, and names have one label, unless the identifier is zero, which no server uses in a
    /// query to another.
    fn excludes_link_local(&self, header: &DnsHeader, name: &str) -> bool {
        let labels = name.contains('.') && !self.reverse && header.id != 0;
        self.lasting || ends_with(name, ".127.in-addr.arpa") || labels
    }
}

pub(super) struct ResourceRecord<'t> {
    pub(super) name: DomainName<'t>,
    pub(super) kind: u16,
    class: u16,
    ttl: u32,
    /// The offset of the byte behind the record.
    pub(super) next: usize,
}

impl ResourceRecord<'_> {
    fn is_sane(&self) -> bool {
        self.kind != 0 && (self.kind == OPT || is_class(self.class & !TOP_OF_CLASS))
    }
}

/// A question at `at`: `Some(None)` where the bytes end within it, `None` where it is none.
#[allow(clippy::option_option, reason = "no, not yet, yes")]
pub(super) fn question<'t>(
    bytes: &[u8],
    at: usize,
    last: &'t mut LastName,
) -> Option<Option<(DomainName<'t>, u16, u16)>> {
    let Some(name) = last.read(bytes, at)? else { return Some(None) };
    let Some(&[a, b, c, d]) = bytes.get(name.next..).and_then(|rest| rest.first_chunk()) else {
        return Some(None);
    };
    Some(Some((name, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))))
}

/// A record at `at`, with the same answers as [`question`].
#[allow(clippy::option_option, reason = "no, not yet, yes")]
pub(super) fn record<'t>(
    bytes: &[u8],
    at: usize,
    last: &'t mut LastName,
) -> Option<Option<ResourceRecord<'t>>> {
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
    Some(Some(ResourceRecord { name, kind, class, ttl: u32::from_be_bytes(*ttl), next }))
}

/// Whether a record type is one of those that nearly all questions are for.
const fn is_common(kind: u16) -> bool {
    matches!(kind, 1 | 2 | 5 | 6 | 12 | 15 | 16 | 28 | 33 | 35 | 65 | 255)
}

/// Whether a class is Internet, Chaos, Hesiod, none or any (RFC 6895, section 3.2).
const fn is_class(class: u16) -> bool {
    matches!(class, 1 | 3 | 4 | 254 | 255)
}

/// The name of a record type (RFC 1035, section 3.2.2, and its successors), its number where the
/// type is rare.
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
