//! CSTA in BER: ACSE associations that name the standard, and ROSE operations (ECMA-285; ITU-T
//! X.227, X.880).
//!
//! Messages are raw, or follow a length of two bytes (MD110), Siemens' three bytes `26 8x xx`, TPKT
//! with COTP (RFC 1006), or the single letters that Alcatel's switches exchange first. An object
//! identifier of the standard proves CSTA; so do two operations, or one with its result.

use crate::detect::formats::ber::{self, InvalidBer, Tlv};
use crate::detect::statement::{Side, Statement};
use crate::evidence::Role;

/// Messages of each side that are read at most.
const MESSAGES: usize = 64;
/// Bytes of a message at most; devices send up to a few thousand.
const LONGEST: usize = 1 << 14;
/// 1.3.12.0: identified organisation, ECMA, standards.
const ECMA: &[u8] = &[0x2b, 12, 0];
const OBJECT_IDENTIFIER: u8 = 6;
const INTEGER: u8 = 2;
const SEQUENCE: u8 = 0x30;
const ASSOCIATE: std::ops::RangeInclusive<u8> = 0x60..=0x61;
const RELEASE_OR_ABORT: std::ops::RangeInclusive<u8> = 0x62..=0x64;
const ABORT: u8 = 0x64;
const INVOKE: u8 = 0xa1;
const RESULT: u8 = 0xa2;
const ERROR: u8 = 0xa3;
const REJECT: u8 = 0xa4;
const CONTEXT: u8 = 0xa1;
/// The event report and the reference to its monitor, [APPLICATION 21].
const EVENT: u32 = 21;
const MONITOR_START: u32 = 71;
const UNIVERSAL_FAILURE: &str = "CSTA universalFailure";
const CROSS_REFERENCE: u8 = 0x55;

/// Operations of phases I to III by code: CPAN's `Net::CSTA::ASN` and the modules of ECMA-285.
const OPERATIONS: &[(u32, &str)] = &[
    (1, "alternateCall"),
    (2, "answerCall"),
    (3, "callCompletion"),
    (4, "clearCall"),
    (5, "clearConnection"),
    (6, "conferenceCall"),
    (7, "consultationCall"),
    (8, "divertCall"),
    (9, "holdCall"),
    (10, "makeCall"),
    (11, "makePredictiveCall"),
    (12, "queryDevice"),
    (13, "reconnectCall"),
    (14, "retrieveCall"),
    (15, "setFeature"),
    (16, "transferCall"),
    (18, "parkCall"),
    (20, "singleStepConference"),
    (EVENT, "eventReport"),
    (50, "singleStepTransfer"),
    (52, "systemStatus"),
    (71, "monitorStart"),
    (72, "changeMonitorFilter"),
    (73, "monitorStop"),
    (74, "snapshotDevice"),
    (75, "snapshotCall"),
    (206, "changeSystemStatusFilter"),
    (207, "systemRegister"),
    (208, "systemRegisterAbort"),
    (209, "systemRegisterCancel"),
    (211, "systemStatus"),
    (371, "getRegistrations"),
    (505, "resume"),
];

/// The invoke identifiers of requests and of answers, which must fit each other.
#[derive(Default)]
pub(super) struct Dialogue {
    invoked: Vec<u32>,
    answered: Vec<u32>,
}

impl Dialogue {
    /// Whether a request has its answer.
    pub(super) fn is_paired(&self) -> bool {
        self.invoked.iter().any(|invoked| self.answered.contains(invoked))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CstaFraming {
    Raw,
    Length,
    Siemens,
    Tpkt,
}

impl CstaFraming {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "none",
            Self::Length => "length-2",
            Self::Siemens => "siemens-26",
            Self::Tpkt => "tpkt",
        }
    }

    /// The framing that the bytes begin with; `Ok(None)` where more bytes are needed.
    fn detect(bytes: &[u8]) -> Result<Option<Self>, InvalidBer> {
        let is_message =
            |byte: u8| (0x60..=0x64).contains(&byte) || (INVOKE..=REJECT).contains(&byte);
        match bytes {
            [] | [0x26 | 0x03] => Ok(None),
            [0x26, 0x80..=0xbf, ..] => Ok(Some(Self::Siemens)),
            [0x03, 0, ..] if bytes.get(5).is_none_or(|&b| b == 0xf0) => Ok(Some(Self::Tpkt)),
            [first, ..] if is_message(*first) => Ok(Some(Self::Raw)),
            [0..=7] | [0..=7, _] => Ok(None),
            [0..=7, _, third, ..] if is_message(*third) => Ok(Some(Self::Length)),
            _ => Err(InvalidBer),
        }
    }

    /// The range of the first message; `Ok(None)` where more bytes are needed.
    fn message_range(self, bytes: &[u8]) -> Result<Option<std::ops::Range<usize>>, InvalidBer> {
        let word = |at: usize| {
            bytes
                .get(at..)
                .and_then(|rest| rest.first_chunk())
                .map(|b| usize::from(u16::from_be_bytes(*b)))
        };
        let range = match self {
            Self::Raw => ber::header(bytes)?.map(|header| 0..header.size + header.len),
            Self::Length => word(0).map(|len| 2..2 + len),
            Self::Siemens => word(1).map(|len| 3..3 + (len & 0x7fff)),
            // A COTP data transfer that ends its unit.
            Self::Tpkt if bytes.len() >= 7 && bytes[4..7] != [2, 0xf0, 0x80] => {
                return Err(InvalidBer);
            }
            Self::Tpkt => word(2).filter(|_| bytes.len() >= 7).map(|len| 7..len),
        };
        match range {
            Some(range) if range.end > LONGEST || range.end <= range.start + 1 => Err(InvalidBer),
            range => Ok(range),
        }
    }
}

/// Reads a side's messages.
pub(super) fn messages(statement: &mut Statement<'_>, dialogue: &mut Dialogue) -> Side {
    let all = statement.stream.head();
    // Clients greet Alcatel's switches with one letter, and the switches answer with another.
    let greeting = usize::from(matches!(all, [b'B' | b'P', ..]));
    let bytes = all.get(greeting..).unwrap_or(&[]);
    let mut progress = Progress { certain: false, operations: 0, messages: 0 };
    let framing = match CstaFraming::detect(bytes) {
        Ok(Some(framing)) => framing,
        Ok(None) => return Side::Perhaps,
        Err(InvalidBer) => return Side::Other,
    };
    let facts = statement.facts.len();
    let mut at = greeting;
    for _ in 0..MESSAGES {
        let rest = all.get(at..).unwrap_or(&[]);
        if rest.is_empty() {
            break;
        }
        let range = match framing.message_range(rest) {
            Ok(Some(range)) => range,
            Ok(None) => break,
            Err(InvalidBer) => return progress.end(statement, facts, Side::Other),
        };
        let begin = rest.get(range.start).copied();
        let is_begin = begin
            .is_none_or(|tag| (0x60..=0x64).contains(&tag) || (INVOKE..=REJECT).contains(&tag));
        match rest.get(range.clone()) {
            _ if !is_begin => return progress.end(statement, facts, Side::Other),
            None => break,
            Some(message) => {
                if progress.messages == 0 {
                    statement.fact("csta.framing", framing.as_str().as_bytes(), at);
                    statement.fact("csta.encoding", b"ber", at);
                }
                if read_message(message, statement, at, dialogue, &mut progress).is_err() {
                    return progress.end(statement, facts, Side::Other);
                }
            }
        }
        at += range.end;
    }
    progress.end(statement, facts, Side::Perhaps)
}

/// What the messages of a side have shown so far.
struct Progress {
    certain: bool,
    operations: usize,
    messages: usize,
}

impl Progress {
    /// The judgement on the side: an unknown message does not undo a proof.
    fn end(&self, statement: &mut Statement<'_>, facts: usize, otherwise: Side) -> Side {
        if self.certain || self.operations > 1 {
            return Side::Matches;
        }
        statement.facts.truncate(facts);
        otherwise
    }
}

/// Reads a whole message.
fn read_message(
    message: &[u8],
    statement: &mut Statement<'_>,
    at: usize,
    dialogue: &mut Dialogue,
    progress: &mut Progress,
) -> Result<(), InvalidBer> {
    let Some((Tlv { tag, content }, [])) = ber::read(message)? else { return Err(InvalidBer) };
    progress.messages += 1;
    if ASSOCIATE.contains(&tag) {
        statement.role(if tag == *ASSOCIATE.start() { Role::Client } else { Role::Server });
        if let Some(edition) = edition(content)? {
            statement.fact("csta.edition", edition.as_bytes(), at);
            progress.certain = true;
        }
        if tag == *ASSOCIATE.end()
            && let Some(refusal) = refusal(content)?
        {
            statement.fact("csta.error", refusal.as_bytes(), at);
            statement.service_failed("CSTA session refused", at);
        }
        return Ok(());
    }
    if RELEASE_OR_ABORT.contains(&tag) {
        if tag == ABORT {
            statement.fact("csta.error", b"association aborted", at);
            statement.service_failed("CSTA session aborted", at);
        }
        return Ok(());
    }
    let (invoke, rest) = ber::expect(content, INTEGER)?;
    let invoke = ber::unsigned(invoke)?;
    let operation = match tag {
        INVOKE => {
            let (operation, argument) = ber::expect(rest, INTEGER)?;
            let operation = ber::unsigned(operation)?;
            is_argument(operation, argument)?;
            Some(operation)
        }
        RESULT if rest.is_empty() => None,
        RESULT => {
            let (inside, []) = ber::expect(rest, SEQUENCE)? else { return Err(InvalidBer) };
            let (operation, result) = ber::expect(inside, INTEGER)?;
            nests(result)?;
            Some(ber::unsigned(operation)?)
        }
        // The number of an error, or of the problem with a message.
        ERROR => {
            nests(rest)?;
            let (cause, text) = error(rest);
            statement.fact_text("csta.error", text, at);
            statement.service_failed(&cause, at);
            if cause == UNIVERSAL_FAILURE {
                progress.certain |= dialogue.invoked.contains(&invoke);
                dialogue.answered.push(invoke);
            }
            return Ok(());
        }
        REJECT => {
            nests(rest)?;
            statement.fact("csta.error", b"reject", at);
            statement.service_failed("CSTA reject", at);
            return Ok(());
        }
        _ => return Err(InvalidBer),
    };
    if tag == RESULT {
        statement.answers.succeeded();
        if operation == Some(MONITOR_START) {
            statement.fact("csta.monitor", b"started", at);
        }
    }
    let (mine, theirs) = if tag == INVOKE {
        (&mut dialogue.invoked, &dialogue.answered)
    } else {
        (&mut dialogue.answered, &dialogue.invoked)
    };
    if let Some(operation) = operation {
        let (_, name) = OPERATIONS.iter().find(|(code, _)| *code == operation).ok_or(InvalidBer)?;
        progress.operations += 1;
        // The program asks, and the switch reports events; either side may ask the other how it is.
        if !name.starts_with("system") {
            let of_client = (tag == INVOKE) != (operation == EVENT);
            statement.role(if of_client { Role::Client } else { Role::Server });
        }
        progress.certain |= theirs.contains(&invoke);
        mine.push(invoke);
        let is_new = !statement
            .facts
            .iter()
            .any(|fact| fact.name.stem == "csta.operation" && fact.value == *name);
        if is_new {
            statement.fact("csta.operation", name.as_bytes(), at);
        }
    }
    Ok(())
}

/// An error, for people, and what it says: the only one that the standard has is
/// `universalFailure`, whose parameter has a category, and in most a value of it.
fn error(rest: &[u8]) -> (String, String) {
    let number = |bytes| ber::expect(bytes, INTEGER).ok();
    let read = number(rest).and_then(|(code, rest)| Some((ber::unsigned(code).ok()?, rest)));
    match read {
        Some((1, parameter)) => {
            let text = match ber::read(parameter) {
                Ok(Some((Tlv { tag: tag @ 0x80..=0xbf, content }, []))) => {
                    let value =
                        ber::unsigned(content).map_or(String::new(), |v| format!(", value {v}"));
                    format!("universalFailure, category {}{value}", tag & 0x1f)
                }
                _ => return ("CSTA error 1".into(), "error 1".into()),
            };
            (UNIVERSAL_FAILURE.into(), text)
        }
        Some((code, _)) => (format!("CSTA error {code}"), format!("error {code}")),
        None => ("CSTA error".into(), "error".into()),
    }
}

/// Why the answer to an association refuses it: `result` is not `accepted` (X.227, section 7.1.5.7).
fn refusal(mut values: &[u8]) -> Result<Option<&'static str>, InvalidBer> {
    const RESULT_OF_ASSOCIATION: u8 = 0xa2;
    while !values.is_empty() {
        let (Tlv { tag, content }, rest) = ber::read(values)?.ok_or(InvalidBer)?;
        if tag == RESULT_OF_ASSOCIATION
            && let Ok((result, [])) = ber::expect(content, INTEGER)
        {
            return Ok(match ber::unsigned(result)? {
                0 => None,
                1 => Some("association rejected, permanently"),
                2 => Some("association rejected, for now"),
                _ => Some("association rejected"),
            });
        }
        values = rest;
    }
    Ok(None)
}

/// Checks that an operation's argument is whole, and that of an event begins with the reference to
/// its monitor.
fn is_argument(operation: u32, argument: &[u8]) -> Result<(), InvalidBer> {
    nests(argument)?;
    if operation == EVENT {
        let (inside, _) = ber::expect(argument, SEQUENCE)?;
        ber::expect(inside, CROSS_REFERENCE)?;
    }
    Ok(())
}

/// Checks that the bytes are whole values up to their end.
fn nests(mut bytes: &[u8]) -> Result<(), InvalidBer> {
    while !bytes.is_empty() {
        bytes = ber::read(bytes)?.ok_or(InvalidBer)?.1;
    }
    Ok(())
}

/// The edition of the standard that an association is made for.
fn edition(mut values: &[u8]) -> Result<Option<&'static str>, InvalidBer> {
    let mut found = None;
    while !values.is_empty() {
        let (Tlv { tag, content }, rest) = ber::read(values)?.ok_or(InvalidBer)?;
        if tag == CONTEXT
            && let Ok((identifier, _)) = ber::expect(content, OBJECT_IDENTIFIER)
            && let Some(standard) = identifier.strip_prefix(ECMA)
        {
            found = match standard {
                [0x81, 0x34, ..] => Some("ECMA-180 (phase I)"),
                [0x81, 0x5a, ..] => Some("ECMA-218 (phase II)"),
                [0x82, 0x1d, ..] => Some("ECMA-285 (phase III)"),
                _ => None,
            };
        }
        values = rest;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::decode::Transport;
    use crate::detect::protocols::csta::inspect;
    use crate::evidence::Recognition;
    use crate::evidence::{Depth, Detection};
    use crate::flow::Opening;

    const ASSOCIATE: &[u8] = b"\x60\x09\xa1\x07\x06\x05\x2b\x0c\0\x81\x34";
    const START: &[u8] = b"\xa1\x0d\x02\x01\x01\x02\x01\x47\x30\x05\x80\x03555";
    const STARTED: &[u8] = b"\xa2\x0c\x02\x01\x01\x30\x07\x02\x01\x47\x55\x02\0\x01";

    fn progress(initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]), Depth::Facts)
    }

    #[test]
    fn every_framing_of_an_association_is_read() {
        let tpkt = [&[3, 0, 0, 7 + ASSOCIATE.len() as u8, 2, 0xf0, 0x80], ASSOCIATE].concat();
        let siemens = [&[0x26, 0x80, ASSOCIATE.len() as u8], ASSOCIATE].concat();
        let length = [&[0, ASSOCIATE.len() as u8], ASSOCIATE].concat();
        let alcatel = [b"B", ASSOCIATE].concat();
        for (bytes, framing) in [
            (tpkt, "tpkt"),
            (siemens, "siemens-26"),
            (length, "length-2"),
            (alcatel, "none"),
            (ASSOCIATE.to_vec(), "none"),
        ] {
            let Detection::Yes(Recognition { facts, .. }) = progress(&bytes, b"") else {
                panic!("{framing}")
            };
            let stated: Vec<_> = facts.iter().map(|f| (f.name.stem, f.value.as_str())).collect();
            assert_eq!(
                stated[..3],
                [
                    ("csta.framing", framing),
                    ("csta.encoding", "ber"),
                    ("csta.edition", "ECMA-180 (phase I)")
                ]
            );
        }
    }

    #[test]
    fn one_operation_proves_nothing_but_with_its_result_it_does() {
        assert_eq!(progress(START, b""), Detection::NeedMore);
        assert!(matches!(progress(START, STARTED), Detection::Yes(..)));
        assert_eq!(
            progress(START, b"\xa2\x0c\x02\x01\x02\x30\x07\x02\x01\x47\x55\x02\0\x01"),
            Detection::NeedMore,
            "another invocation"
        );
    }

    #[test]
    fn other_ber_is_not_csta() {
        for bytes in [
            &b"\x60\x09\xa1\x07\x06\x05\x2b\x0c\0\x81"[..],
            b"\xa1\x0d\x02\x01\x01\x02\x01\x63\x30\x05\x80\x03555",
            b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0",
            b"\xa1\x03\x02\x01\x01\xff\xff",
        ] {
            assert!(!matches!(progress(bytes, b""), Detection::Yes(..)), "{bytes:x?}");
        }
        let kerberos = b"\x6a\x0a\x30\x08\xa1\x03\x02\x01\x05\xa2\x01\x0a";
        assert_eq!(progress(kerberos, b""), Detection::No);
    }
}
