//! `MongoDB` wire protocol: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>.
//!
//! Every message begins with four little-endian numbers: length, number, number of the message that
//! it answers, operation. The proof is a first message whose operation takes a document that fits
//! the message's length exactly (`OP_MSG`, `OP_QUERY`, `OP_REPLY`), or a compressed one of these.
//! `FerretDB` and `DocumentDB` use the same protocol.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::bson::{BsonDocument, BsonValue, i32_at};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Fact, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 16;
/// Answers behind the first that are read at most.
const ANSWERS: usize = 8;
/// Bytes of a message at most: `maxMessageSizeBytes`.
const LONGEST: usize = 48_000_000;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Mongodb, inspect)
    .tcp()
    .prefilter(Prefilter::ANY.skip(3).then(&[0..=2]).max_leading_zeros(15))
    .facts(&[
        "mongodb.message",
        "mongodb.operation",
        "mongodb.database",
        "mongodb.collection",
        "mongodb.application",
        "mongodb.driver",
        "mongodb.version",
        "mongodb.wire-version",
        "mongodb.error",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x3a\0\0\0\x4c\x04\0\0\0\0\0\0\xd4\x07\0\0\0\0\0\0admin.$cmd\0\0\0\0\0\x01\0\0\0\x13\0\0\0\x10isMaster\0\x01\0\0\0\0",
            ],
            responder: &[
                b"\x3d\0\0\0\x11\0\0\0\x4c\x04\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x19\0\0\0\x10maxWireVersion\0\x15\0\0\0\0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x30\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1b\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x03\0\0\0db\0\0",
            ],
            responder: &[
                b"\x26\0\0\0\x09\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x11\0\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x21\0\0\0\x01\0\0\0\0\0\0\0\xdc\x07\0\0\xdd\x07\0\0\x40\0\0\0\x02xxxxxxxx"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Mongodb, opening, depth, message)
}

fn message(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    // Lengths are below 48 million, operations below 2,014.
    if bytes.get(3).is_some_and(|&b| b > 2)
        || bytes.get(13).is_some_and(|&b| b > 7)
        || bytes.get(14).is_some_and(|&b| b != 0)
    {
        return Side::Other;
    }
    let (Some(len), Some(operation)) = (i32_at(bytes, 0), i32_at(bytes, 12)) else {
        return Side::Perhaps;
    };
    let Some(len) = usize::try_from(len).ok().filter(|len| (HEADER + 9..=LONGEST).contains(len))
    else {
        return Side::Other;
    };
    let body = bytes.get(HEADER..bytes.len().min(len)).unwrap_or_default();
    let read = match operation {
        2013 => msg(statement, body, len - HEADER),
        2004 => query(statement, body, len - HEADER),
        1 => reply(statement, body, len - HEADER),
        2012 => compressed(body, len - HEADER),
        _ => None,
    };
    let name: &[u8] = match operation {
        2013 => b"OP_MSG",
        2004 => b"OP_QUERY",
        1 => b"OP_REPLY",
        _ => b"OP_COMPRESSED",
    };
    statement.role(match (operation, i32_at(bytes, 8)) {
        (2004, _) | (2012 | 2013, Some(0)) => Role::Client,
        _ => Role::Server,
    });
    let side = read.unwrap_or(Side::Other);
    if side == Side::Matches {
        statement.fact("mongodb.message", name, 12);
        later_answers(statement, len);
        count_answers(statement);
    }
    side
}

/// States the version that one of the first answers behind the offset `at` has: that to `buildInfo`,
/// for which shells ask. Answers come from the side whose first message is one.
fn later_answers(statement: &mut Statement<'_>, mut at: usize) {
    let bytes = statement.stream.head();
    let answers = |at: usize| i32_at(bytes, at + 8).is_some_and(|number| number != 0);
    if !answers(0) {
        return;
    }
    for _ in 0..ANSWERS {
        let is_stated = |fact: &Fact| fact.name.stem == "mongodb.version";
        if statement.facts.iter().any(is_stated) {
            return;
        }
        let (Some(len), Some(operation)) = (i32_at(bytes, at), i32_at(bytes, at + 12)) else {
            if statement.stream.head_may_grow() {
                statement.awaits_fact();
            }
            return;
        };
        let document = match operation {
            2013 => at + HEADER + 5,
            1 => at + HEADER + 20,
            _ => return,
        };
        let Some(len) = usize::try_from(len).ok().filter(|&len| len >= HEADER) else { return };
        let version = bytes
            .get(document..)
            .and_then(BsonDocument::read)
            .filter(|document| document.get(b"ok").is_some())
            .and_then(|document| document.text(b"version"));
        if let Some(version) = version {
            statement.fact("mongodb.version", version, document);
        }
        at = at.saturating_add(len);
    }
}

/// Counts the answers, of which documents say by `ok` whether they are errors. Whether the server is
/// the primary, and what it is, is asked and answered before any log-in.
fn count_answers(statement: &mut Statement<'_>) {
    let bytes = statement.stream.head();
    let mut at = 0;
    for _ in 0..=2 * ANSWERS {
        let (Some(len), Some(answered), Some(operation)) =
            (i32_at(bytes, at), i32_at(bytes, at + 8), i32_at(bytes, at + 12))
        else {
            return;
        };
        let document = match operation {
            _ if answered == 0 => return,
            2013 => at + HEADER + 5,
            1 => at + HEADER + 20,
            _ => return,
        };
        let Some(len) = usize::try_from(len).ok().filter(|&len| len >= HEADER) else { return };
        let Some(reply) = bytes.get(document..).and_then(BsonDocument::read) else { return };
        let says = |name: &[u8]| reply.get(name).is_some();
        if says(b"ok") && says(b"errmsg") {
            let code = match reply.get(b"code") {
                Some(BsonValue::Int(code)) => format!("MongoDB {code}"),
                _ => "MongoDB error".to_owned(),
            };
            if at > 0 && statement.answers.is_flawless() {
                statement.fact("mongodb.error", reply.text(b"errmsg").unwrap_or_default(), at);
            }
            statement.failed(&code, at);
        } else if says(b"ok") && !says(b"maxWireVersion") && !says(b"payload") {
            statement.answers.succeeded();
        }
        at = at.saturating_add(len);
    }
}

/// Reads flags, then sections: one holds the command's document, others more documents; a checksum
/// may follow.
fn msg(statement: &mut Statement<'_>, body: &[u8], len: usize) -> Option<Side> {
    let Some(flags) = i32_at(body, 0) else { return Some(Side::Perhaps) };
    if flags & !0x1_0003 != 0 {
        return None;
    }
    let end = if flags & 1 != 0 { len.checked_sub(4)? } else { len };
    let (mut at, mut sections) = (4, 0);
    let mut certain = false;
    while at < end && sections < 64 {
        let Some(rest) = body.get(at + 1..) else { break };
        sections += 1;
        match body.get(at)? {
            0 if rest.len() < 4 => break,
            0 => {
                let document = BsonDocument::read(rest)?;
                if at + 1 + document.len() > end || !document.is_sound() {
                    return None;
                }
                certain |= document.elements().next().is_some()
                    && (at + 1 + document.len() == end || !document.is_cut());
                command(statement, document, HEADER + at + 1);
                at += 1 + document.len();
            }
            1 => {
                let Some(size) = i32_at(rest, 0) else { break };
                let size =
                    usize::try_from(size).ok().filter(|size| (6..=end - at - 1).contains(size))?;
                let name = rest.get(4..rest.len().min(size))?;
                if !name.iter().take_while(|&&b| b != 0).all(u8::is_ascii_alphanumeric) {
                    return None;
                }
                at += 1 + size;
            }
            _ => return None,
        }
    }
    if certain {
        return Some(Side::Matches);
    }
    // Enough was captured to recognise a document.
    (body.len() < len.min(1024)).then_some(Side::Perhaps)
}

fn query(statement: &mut Statement<'_>, body: &[u8], len: usize) -> Option<Side> {
    let Some(flags) = i32_at(body, 0) else { return Some(Side::Perhaps) };
    if flags & !0xff != 0 {
        return None;
    }
    let rest = body.get(4..)?;
    let Some(end) = rest.iter().take(256).position(|&b| b == 0) else {
        return (rest.len() < 256 && rest.iter().all(|b| (b' '..0x7f).contains(b)))
            .then_some(Side::Perhaps);
    };
    let name = rest.get(..end)?;
    if !name.iter().all(|b| (b' '..0x7f).contains(b)) || !name.contains(&b'.') {
        return None;
    }
    // The number of documents to skip and to return.
    let at = 4 + end + 9;
    let Some(document) = body.get(at..).filter(|rest| rest.len() >= 4) else {
        return Some(Side::Perhaps);
    };
    let document = BsonDocument::read(document)?;
    // A second document selects fields.
    if at + document.len() > len
        || !document.is_sound()
        || document.elements().next().is_none() && !document.is_cut()
    {
        return None;
    }
    if at + document.len() < len
        && (document.is_cut()
            || BsonDocument::read(body.get(at + document.len()..)?)
                .is_none_or(|fields| at + document.len() + fields.len() != len))
    {
        return (body.len() < len.min(1024)).then_some(Side::Perhaps);
    }
    if document.elements().next().is_none() {
        return Some(Side::Perhaps);
    }
    let mut parts = name.splitn(2, |&b| b == b'.');
    let (database, collection) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    statement.fact("mongodb.database", database, HEADER + 4);
    if collection != b"$cmd" {
        statement.fact("mongodb.collection", collection, HEADER + 5 + database.len());
        return Some(Side::Matches);
    }
    command(statement, document, HEADER + at);
    Some(Side::Matches)
}

fn reply(statement: &mut Statement<'_>, body: &[u8], len: usize) -> Option<Side> {
    let (Some(flags), Some(count)) = (i32_at(body, 0), i32_at(body, 16)) else {
        return Some(Side::Perhaps);
    };
    if flags & !0xf != 0 || !(0..=100_000).contains(&count) || (count == 0) != (len == 20) {
        return None;
    }
    // Without a document there is no proof.
    if count == 0 {
        return Some(Side::Perhaps);
    }
    if body.len() < 24 {
        return Some(Side::Perhaps);
    }
    let document = BsonDocument::read(body.get(20..)?)?;
    let fits = if count == 1 { 20 + document.len() == len } else { 20 + document.len() < len };
    if !fits || !document.is_sound() {
        return None;
    }
    command(statement, document, HEADER + 20);
    Some(if document.elements().next().is_some() { Side::Matches } else { Side::Perhaps })
}

/// Reads the inner operation, its size and its compression; the rest is opaque.
fn compressed(body: &[u8], len: usize) -> Option<Side> {
    let (Some(operation), Some(size), Some(&method)) =
        (i32_at(body, 0), i32_at(body, 4), body.get(8))
    else {
        return Some(Side::Perhaps);
    };
    let plausible =
        matches!(operation, 1 | 2004 | 2013) && (5..LONGEST as i32).contains(&size) && method <= 3;
    // The compressor that does nothing keeps the size.
    (plausible && (method != 0 || size as usize == len - 9)).then_some(Side::Matches)
}

/// States the facts of a command or a reply.
fn command(statement: &mut Statement<'_>, document: BsonDocument<'_>, at: usize) {
    if let Some((name, value)) = document.elements().next() {
        let is_reply = document.get(b"ok").is_some() || document.get(b"maxWireVersion").is_some();
        if !is_reply && !name.is_empty() {
            statement.fact("mongodb.operation", name, at + 5);
            if let (BsonValue::Text(collection), true) = (value, name != b"saslStart") {
                statement.fact("mongodb.collection", collection, at + 5);
            }
        }
    }
    let inside = |document: BsonDocument<'_>, outer: &[u8], inner: &[u8]| -> Option<Vec<u8>> {
        document.document(outer).and_then(|found| found.text(inner)).map(<[u8]>::to_vec)
    };
    if let Some(database) = document.text(b"$db") {
        statement.fact("mongodb.database", database, at);
    }
    if let Some(client) = document.document(b"client") {
        if let Some(application) = inside(client, b"application", b"name") {
            statement.fact("mongodb.application", &application, at);
        }
        if let Some(driver) = inside(client, b"driver", b"name") {
            let version = inside(client, b"driver", b"version").unwrap_or_default();
            statement.fact(
                "mongodb.driver",
                [&driver[..], &version].join(&b' ').trim_ascii_end(),
                at,
            );
        }
    }
    if let Some(version) = document.text(b"version") {
        statement.fact("mongodb.version", version, at);
    }
    if let Some(BsonValue::Int(version)) = document.get(b"maxWireVersion") {
        statement.fact("mongodb.wire-version", version.to_string().as_bytes(), at);
    }
    if let Some(error) = document.text(b"errmsg") {
        statement.fact("mongodb.error", error, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_says(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[bytes], &[]), Depth::Facts)
    }

    #[test]
    fn a_document_that_does_not_fill_its_message_is_refused() {
        let mut bytes = DETECTOR.samples[1].initiator[0].to_vec();
        assert!(matches!(client_says(&bytes), Detection::Yes(..)));
        bytes[21] += 1;
        assert_eq!(client_says(&bytes), Detection::No);
    }

    #[test]
    fn the_version_is_read_in_a_later_answer() {
        let first = DETECTOR.samples[1].responder[0];
        let mut document =
            b"\x02version\0\x06\0\0\x007.0.1\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0".to_vec();
        document.splice(0..0, (document.len() as u32 + 4).to_le_bytes());
        let body = [&b"\x09\0\0\0\x02\0\0\0\xdd\x07\0\0\0\0\0\0\0"[..], &document].concat();
        let second = [&(body.len() as u32 + 4).to_le_bytes()[..], &body].concat();
        let client = DETECTOR.samples[1].initiator;
        let of = |server: &[&[u8]]| {
            inspect(&Opening::from_payloads(Transport::Tcp, client, server), Depth::Facts)
        };
        assert!(matches!(of(&[first]), Detection::Partly(..)));
        let Detection::Yes(found) = of(&[first, &second]) else { panic!() };
        let version = found.facts.iter().find(|fact| fact.name.stem == "mongodb.version").unwrap();
        assert_eq!((version.value.as_str(), version.frame), ("7.0.1", 3));
    }

    #[test]
    fn the_header_alone_proves_nothing() {
        assert_eq!(client_says(b"\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0"), Detection::NeedMore);
        assert_eq!(client_says(b"\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x08\0\0"), Detection::No);
    }
}
