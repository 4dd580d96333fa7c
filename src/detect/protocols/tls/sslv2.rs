//! Hellos in the form of SSL 2.0 (RFC 6101, appendix E), which old clients send to newer servers
//! too. A record begins with two bytes of length, whose top bit means that no padding follows, and
//! every length in the message must fit it exactly.

/// A hello in the form of SSL 2.0.
pub(super) struct Ssl2Hello<'a> {
    /// The client's offer; the server's choice.
    pub(super) version: u16,
    /// The certificate of a server, and its offset in the stream.
    pub(super) certificate: Option<(&'a [u8], usize)>,
}

/// The judgement on the first bytes of a side.
pub(super) enum Ssl2Reading<'a> {
    Client(Ssl2Hello<'a>),
    Server(Ssl2Hello<'a>),
    /// Too few bytes to decide.
    Perhaps,
    /// Something else.
    No,
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;
const CLIENT_FIXED: usize = 9;
const SERVER_FIXED: usize = 11;
const SSL_2: u16 = 0x0002;
/// Bytes of the server's certificate and cipher specs that are awaited at most.
const LONGEST: usize = 4096;

pub(super) fn read_hello(bytes: &[u8]) -> Ssl2Reading<'_> {
    let [high, rest @ ..] = bytes else { return Ssl2Reading::Perhaps };
    if high & 0x80 == 0 || usize::from(high & 0x7f) << 8 > LONGEST {
        return Ssl2Reading::No;
    }
    let [low, message @ ..] = rest else { return Ssl2Reading::Perhaps };
    let len = usize::from(u16::from_be_bytes([high & 0x7f, *low]));
    match message.first() {
        None => Ssl2Reading::Perhaps,
        Some(&CLIENT_HELLO) => client(message, len),
        Some(&SERVER_HELLO) => server(message, len),
        Some(_) => Ssl2Reading::No,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 2).map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])))
}

/// Reads a client's hello: type, version, three lengths; cipher specs of three bytes, no session or
/// one of 16 bytes, a challenge.
fn client(message: &[u8], len: usize) -> Ssl2Reading<'_> {
    let is_version = |v: usize| v == usize::from(SSL_2) || (0x0300..=0x0303).contains(&v);
    if u16_at(message, 1).is_some_and(|version| !is_version(version)) {
        return Ssl2Reading::No;
    }
    let (Some(version), Some(ciphers), Some(session), Some(challenge)) =
        (u16_at(message, 1), u16_at(message, 3), u16_at(message, 5), u16_at(message, 7))
    else {
        return Ssl2Reading::Perhaps;
    };
    let fits = CLIENT_FIXED + ciphers + session + challenge == len
        && ciphers > 0
        && ciphers % 3 == 0
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge);
    if fits {
        Ssl2Reading::Client(Ssl2Hello { version: version as u16, certificate: None })
    } else {
        Ssl2Reading::No
    }
}

/// Reads a server's hello: type, session hit, certificate type, version, three lengths;
/// certificate, cipher specs, connection id.
fn server(message: &[u8], len: usize) -> Ssl2Reading<'_> {
    let at = |i: usize| message.get(i).copied();
    if at(1).is_some_and(|hit| hit > 1)
        || at(2).is_some_and(|kind| kind > 1)
        || at(3).is_some_and(|high| high != 0)
    {
        return Ssl2Reading::No;
    }
    if u16_at(message, 3).is_some_and(|version| version != usize::from(SSL_2)) {
        return Ssl2Reading::No;
    }
    let (Some(certificate), Some(ciphers), Some(connection)) =
        (u16_at(message, 5), u16_at(message, 7), u16_at(message, 9))
    else {
        return Ssl2Reading::Perhaps;
    };
    if SERVER_FIXED + certificate + ciphers + connection != len
        || ciphers % 3 != 0
        || !(16..=32).contains(&connection)
    {
        return Ssl2Reading::No;
    }
    let bytes =
        message.get(SERVER_FIXED..SERVER_FIXED + certificate).filter(|bytes| !bytes.is_empty());
    Ssl2Reading::Server(Ssl2Hello {
        version: SSL_2,
        certificate: bytes.map(|bytes| (bytes, 2 + SERVER_FIXED)),
    })
}
