//! TLS 1.0 to 1.3, SSL 3.0 and the hellos of SSL 2.0: the handshake in the clear (RFC 8446, section
//! 4; RFC 5246, section 7.4) and the alert that refuses one (RFC 8446, section 6).
//!
//! A hello whose lengths fit proves TLS. Up to TLS 1.2 the server's certificate follows its hello
//! in the clear, over several segments, and is worth a short wait. Of a connection whose beginning
//! was not captured only the chain of records is seen, and three that follow each other exactly are
//! required. TLS over UDP (DTLS) is another protocol; a connection that begins in another protocol
//! and changes to TLS (STARTTLS) is reported as that protocol.

mod alert;
mod certificate;
mod record;
mod sslv2;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::tls_hello::{
    CLIENT_HELLO, Hello, HelloError, HelloKind, SERVER_HELLO, version_name,
};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{PATIENCE, Side, Statement, combine};
use crate::evidence::{Depth, Detection, Direction, Protocol, Role};
use crate::flow::{Opening, Stream};
use certificate::Certificate;
use record::{
    ALERT, CHANGE_CIPHER_SPEC, Chain, HANDSHAKE, HEADER, HandshakeMessage, HandshakeMessages,
    begins_record, chain, handshake_messages, records,
};
use sslv2::{Ssl2Reading, read_hello};

const CERTIFICATE: u8 = 11;
/// Bytes of a hello at most.
const LONGEST_HELLO: usize = 1 << 16;
/// Version, random value, length of the session identifier, one cipher suite, a compression method.
const SHORTEST_HELLO: usize = 2 + 32 + 1 + 2 + 1;
/// Whole records that prove a connection whose beginning was not captured: a header that leads to
/// the next has some 38 bits.
const CHAINED: usize = 3;
/// Whole records that are enough where a side's segments end with its last record.
const CHAINED_EXACTLY: usize = 1;
const TLS_1_3: u16 = 0x0304;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Tls, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[20..=23, 0x80..=0xff]))
    .first_words()
    .facts(&[
        "tls.version",
        "tls.sni",
        "tls.alpn",
        "tls.cipher",
        "tls.ja4",
        "tls.certificate-subject",
        "tls.certificate-issuer",
        "tls.certificate-name",
        "tls.certificate-self-signed",
        "tls.alert",
        "tls.record",
    ])
    .facts_at_any_depth(&["tls.sni", "tls.alpn"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[CLIENT_SAMPLE],
            responder: &[SERVER_SAMPLE],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[CLIENT_SAMPLE],
            responder: &[b"\x15\x03\x01\x00\x02\x02\x28"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[OLD_CLIENT_SAMPLE],
            responder: &[SERVER_SAMPLE],
        },
    ]);

/// `ClientHello` with SNI `a.test` and ALPN `h2`.
const CLIENT_SAMPLE: &[u8] = b"\x16\x03\x01\x00\x4d\x01\x00\x00\x49\x03\x03\
    0123456789abcdef0123456789abcdef\x00\x00\x04\x13\x01\xc0\x2f\x01\x00\x00\x1c\
    \x00\x00\x00\x0b\x00\x09\x00\x00\x06a.test\x00\x10\x00\x05\x00\x03\x02h2\x00\x17\x00\x00";
/// `ServerHello` of TLS 1.2 without extensions, and the end of the server's flight, as in a resumed
/// session.
const SERVER_SAMPLE: &[u8] =
    b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03fedcba9876543210fedcba9876543210\x00\xc0\x2f\x00\x14\x03\x03\x00\x01\x01";
/// A hello in the form of SSL 2.0 that offers TLS 1.0.
const OLD_CLIENT_SAMPLE: &[u8] =
    b"\x80\x1f\x01\x03\x01\x00\x06\x00\x00\x00\x10\x00\x00\x2f\x01\x00\x800123456789abcdef";

/// The type of the last handshake message that is in use (RFC 8446, section 4).
const LAST_MESSAGE: u8 = 24;
/// What versions of drafts of TLS 1.3 begin with, whose `ServerHello` had another form up to draft 21
/// (RFC 8446, section 1.2).
const DRAFT: u8 = 0x7f;

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut hellos = Hellos::default();
    match combine(Protocol::Tls, opening, depth, |statement| side(statement, opening, &mut hellos))
    {
        // A side that answers a client's hello with one echoes its input.
        Detection::Yes(..) if hellos.by[0].is_some() && hellos.by[0] == hellos.by[1] => {
            Detection::No
        }
        Detection::Yes(mut recognition) => {
            // The version is the one that the server chose; the client's offer counts while there
            // is no answer.
            let chosen = |d: Direction| hellos.by[d as usize] == Some(HelloKind::Server);
            if Direction::BOTH.into_iter().any(chosen) {
                recognition
                    .facts
                    .retain(|fact| fact.name.stem != "tls.version" || chosen(fact.direction));
            }
            if hellos.awaited || hellos.is_in_clear && !hellos.is_settled {
                Detection::Partly(recognition)
            } else {
                Detection::Yes(recognition)
            }
        }
        detection => detection,
    }
}

/// What was found on both sides.
#[derive(Default)]
struct Hellos {
    /// The kind of the first hello of each direction.
    by: [Option<HelloKind>; 2],
    /// The rest of a hello or a certificate is still to come.
    awaited: bool,
    /// The server chose a version whose handshake is in the clear up to its end.
    is_in_clear: bool,
    /// A side gave up, or the server changed to encryption, which ends the handshake or, in a resumed
    /// session, what is in the clear of it.
    is_settled: bool,
}

fn side(statement: &mut Statement<'_>, opening: &Opening, hellos: &mut Hellos) -> Side {
    let bytes = statement.stream.head();
    match bytes.first() {
        Some(&HANDSHAKE) if begins_record(bytes, &[HANDSHAKE]) => {
            match handshake(statement, hellos) {
                Side::Other => running(statement, opening),
                side => side,
            }
        }
        Some(&ALERT) if begins_record(bytes, &[ALERT]) => match alert::refusal(bytes) {
            Some(text) => {
                hellos.is_settled = true;
                state_alert(statement, &text, 0);
                Side::Matches
            }
            None if alert::may_be_refusal(bytes) => Side::Perhaps,
            // A warning may come before the hello.
            None => match handshake(statement, hellos) {
                Side::Other => running(statement, opening),
                side => side,
            },
        },
        Some(&(CHANGE_CIPHER_SPEC..=record::APPLICATION_DATA)) => running(statement, opening),
        Some(0x80..) => old(statement, hellos),
        _ => Side::Other,
    }
}

/// States a fatal alert, whose record begins at `at`.
fn state_alert(statement: &mut Statement<'_>, text: &str, at: usize) {
    statement.fact("tls.alert", text.as_bytes(), at + HEADER);
    statement.service_failed(&format!("TLS alert: {text}"), at);
}

/// States the alert of a side that sent a hello first.
fn refusal_behind_hello(statement: &mut Statement<'_>, hellos: &mut Hellos) {
    let bytes = statement.stream.head();
    if let Some((text, at)) = alert::behind_hello(bytes) {
        hellos.is_settled = true;
        state_alert(statement, &text, at);
    } else if hellos.by[statement.direction as usize] == Some(HelloKind::Server) {
        hellos.is_settled |= alert::is_encrypted(bytes) || !statement.stream.head_may_grow();
    }
}

/// Judges a connection whose beginning was not captured: the records of both sides count, and
/// neither side may have sent anything else.
fn running(statement: &mut Statement<'_>, opening: &Opening) -> Side {
    let Some(chain) = later_chain(statement.stream) else { return Side::Other };
    let active = opening.sides().filter(|(_, stream)| !stream.is_empty());
    let Some(both) = active.map(|(_, stream)| later_chain(stream)).collect::<Option<Vec<_>>>()
    else {
        return Side::Other;
    };
    let whole: usize = both.iter().map(|chain| chain.whole).sum();
    if whole >= CHAINED || both.iter().any(|chain| chain.exact && chain.whole >= CHAINED_EXACTLY) {
        // Records of 1.3 have the version of 1.2.
        if chain.version < 0x0303 {
            statement.fact("tls.version", version_name(chain.version).as_bytes(), 1);
        }
        if let Some(role) = record::role_in_clear(statement.stream.head()) {
            statement.role(role);
        }
        statement.fact("tls.record", b"application data", 0);
        return Side::Matches;
    }
    if opening.pushes() < PATIENCE { Side::Perhaps } else { Side::Other }
}

fn later_chain(stream: &Stream) -> Option<Chain> {
    if stream.from_start() { None } else { chain(stream.head()) }
}

fn handshake(statement: &mut Statement<'_>, hellos: &mut Hellos) -> Side {
    let may_grow = statement.stream.head_may_grow();
    let messages = HandshakeMessages::from_records(statement.stream.head());
    let open = messages.open && may_grow;
    let mut list = messages.iter();
    let Some(first) = list.next() else {
        let fits = messages.open
            && messages.first().is_none_or(|kind| matches!(kind, CLIENT_HELLO | SERVER_HELLO));
        return if fits { Side::Perhaps } else { Side::Other };
    };
    let (kind, role) = match first.kind {
        CLIENT_HELLO => (HelloKind::Client, Role::Client),
        SERVER_HELLO => (HelloKind::Server, Role::Server),
        _ => return Side::Other,
    };
    if first.len > LONGEST_HELLO {
        return Side::Other;
    }
    statement.role(role);
    let hello = match Hello::read(kind, first.body, first.len) {
        Ok(hello) => hello,
        // The rest is to come, or the capture cut it.
        Err(HelloError::Cut) if messages.open => return Side::Perhaps,
        // A record that holds exactly a hello proves it, whatever is damaged inside.
        Err(_) if is_framed(statement.stream.head(), &first) => {
            hellos.by[statement.direction as usize] = Some(kind);
            if let &[DRAFT, draft, ..] = first.body {
                let version = version_name(u16::from_be_bytes([DRAFT, draft]));
                statement.fact("tls.version", version.as_bytes(), messages.in_stream(first.at));
            }
            return Side::Matches;
        }
        Err(_) => return Side::Other,
    };
    hellos.by[statement.direction as usize] = Some(kind);
    hellos.awaited |= !hello.whole && open;
    state_hello(statement, &hello, |at| messages.in_stream(first.at + at));
    if kind == HelloKind::Server && hello.whole && hello.version() < Some(TLS_1_3) {
        hellos.is_in_clear = true;
        let arrived = match list.next() {
            Some(message) if message.kind == CERTIFICATE => {
                state_chain(statement, &message, |at| messages.in_stream(at))
            }
            // No certificate follows in a resumed session, or with keys that need none.
            Some(_) => true,
            None => false,
        };
        hellos.awaited |= !arrived && open;
    }
    refusal_behind_hello(statement, hellos);
    Side::Matches
}

/// Whether the first record is whole, begins with this hello, of a version or draft of one, and is
/// filled by messages to its last byte.
fn is_framed(stream: &[u8], hello: &HandshakeMessage<'_>) -> bool {
    let Some(record) = records(stream).next() else { return false };
    let end = handshake_messages(record.bytes).try_fold(0, |_, message| {
        let is_known = message.kind <= LAST_MESSAGE && message.body.len() == message.len;
        is_known.then_some(message.at + message.len)
    });
    record.is_whole()
        && record.content == HANDSHAKE
        && end == Some(record.len)
        && matches!(hello.body, [3, 0..=4, ..] | [DRAFT, ..])
        && hello.len >= SHORTEST_HELLO
}

/// States the facts of a hello; `place` gives the offset in the stream of a byte of its body.
fn state_hello(statement: &mut Statement<'_>, hello: &Hello<'_>, place: impl Fn(usize) -> usize) {
    if statement.wants_facts() {
        if let Some(version) = hello.version() {
            statement.fact("tls.version", version_name(version).as_bytes(), place(0));
        }
        if let Some(cipher) = hello.cipher() {
            statement.fact("tls.cipher", cipher.as_bytes(), place(0));
        }
    }
    if let Some((name, at)) = hello.server_name().filter(|_| hello.kind == HelloKind::Client) {
        statement.fact("tls.sni", name, place(at));
    }
    for (protocol, at) in hello.protocols() {
        statement.fact("tls.alpn", protocol, place(at));
    }
    if let Some(print) = statement.wants_facts().then(|| hello.ja4('t')).flatten() {
        statement.fact("tls.ja4", print.as_bytes(), place(0));
    }
}

/// States the first certificate of a list, which is the server's own; returns whether it was
/// captured whole.
fn state_chain(
    statement: &mut Statement<'_>,
    message: &HandshakeMessage<'_>,
    place: impl Fn(usize) -> usize,
) -> bool {
    // The lengths of the list and of the first certificate, which an empty list has not.
    if message.len < 6 {
        return true;
    }
    let [_, _, _, a, b, c, rest @ ..] = message.body else { return false };
    let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    if len + 6 > message.len {
        return true;
    }
    let Some(bytes) = rest.get(..len) else { return false };
    state_certificate(statement, bytes, place(message.at + 6));
    true
}

fn state_certificate(statement: &mut Statement<'_>, bytes: &[u8], offset: usize) {
    let Some(certificate) = statement.wants_facts().then(|| Certificate::read(bytes)).flatten()
    else {
        return;
    };
    statement.fact("tls.certificate-subject", certificate.subject.as_bytes(), offset);
    statement.fact("tls.certificate-issuer", certificate.issuer.as_bytes(), offset);
    for name in &certificate.names {
        statement.fact("tls.certificate-name", name.as_bytes(), offset);
    }
    if certificate.self_signed {
        statement.fact("tls.certificate-self-signed", b"yes", offset);
    }
}

fn old(statement: &mut Statement<'_>, hellos: &mut Hellos) -> Side {
    let (kind, role, hello) = match read_hello(statement.stream.head()) {
        Ssl2Reading::Client(hello) => (HelloKind::Client, Role::Client, hello),
        Ssl2Reading::Server(hello) => (HelloKind::Server, Role::Server, hello),
        Ssl2Reading::Perhaps => return Side::Perhaps,
        Ssl2Reading::No => return Side::Other,
    };
    statement.role(role);
    hellos.by[statement.direction as usize] = Some(kind);
    statement.fact("tls.version", version_name(hello.version).as_bytes(), 2);
    if let Some((bytes, at)) = hello.certificate {
        state_certificate(statement, bytes, at);
    }
    Side::Matches
}

#[cfg(test)]
mod tests;
