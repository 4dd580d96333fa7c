//! `ClientHello` and `ServerHello` (RFC 8446, sections 4.1.2 and 4.1.3; RFC 5246, section 7.4.1),
//! which TLS carries in records and QUIC in CRYPTO frames, and the JA4 fingerprint of a client
//! (<https://github.com/FoxIO-LLC/ja4>, `JA4.md`); also those of DTLS (RFC 6347, section 4.2.1),
//! which differ in the versions and have a cookie.
//!
//! Where the capture cut a hello, the part that was captured is read, as long as its lengths fit.

use sha2::{Digest, Sha256};

use crate::detect::formats::cipher_suites;

/// The types of the handshake messages.
pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
/// Bytes of a handshake message's type and length.
pub(crate) const MESSAGE_HEADER: usize = 4;
/// Bytes of a hello's version and random value.
const FIXED: usize = 2 + 32;
const LONGEST_SESSION_ID: usize = 32;
/// Application protocols that are stated of one side.
const PROTOCOLS: usize = 16;

/// Room for extensions: those that a browser sends, and some more.
const EXTENSIONS: usize = 24;

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// Versions of DTLS; the first is that of OpenSSL before 0.9.8f, and of Cisco's VPN.
const DTLS_OLD: u16 = 0x0100;
const DTLS_1_0: u16 = 0xfeff;
const DTLS_1_2: u16 = 0xfefd;
const DTLS_1_3: u16 = 0xfefc;

/// The side that sent a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HelloKind {
    Client,
    Server,
}

/// A `ClientHello` or `ServerHello`.
#[derive(Debug)]
pub(crate) struct Hello<'a> {
    pub(crate) kind: HelloKind,
    /// The version at the beginning, which is the real one up to 1.2 only.
    legacy: u16,
    /// The client's offers; the server's choice.
    ciphers: Vec<u16>,
    /// Type, content, and offset of the content in the body.
    extensions: Vec<(u16, &'a [u8], usize)>,
    /// The whole hello was captured.
    pub(crate) whole: bool,
}

/// The bytes of a hello, of which only the first may have been captured.
struct HelloReader<'a> {
    body: &'a [u8],
    at: usize,
    /// The length of the whole hello.
    end: usize,
}

/// The reason why a hello, or a part of it, could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HelloError {
    /// The hello is longer than the bytes that were captured.
    Cut,
    /// The bytes are no hello.
    Foreign,
}

impl<'a> HelloReader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], HelloError> {
        let end = self.at + len;
        if end > self.end {
            return Err(HelloError::Foreign);
        }
        let taken = self.body.get(self.at..end).ok_or(HelloError::Cut)?;
        self.at = end;
        Ok(taken)
    }

    /// A big-endian number of one or two bytes.
    fn integer(&mut self, len: usize) -> Result<usize, HelloError> {
        Ok(self.take(len)?.iter().fold(0, |n, &byte| n << 8 | usize::from(byte)))
    }
}

impl<'a> Hello<'a> {
    /// Reads the body of a message of `len` bytes, of which `body` has the first. At least the
    /// fixed part up to the first cipher suites, which proves a hello, must be there.
    pub(crate) fn read(kind: HelloKind, body: &'a [u8], len: usize) -> Result<Self, HelloError> {
        Self::read_version(kind, body, len, |version| (0x0300..=0x0304).contains(&version))
    }

    /// Reads the body of a message of DTLS as [`read`](Self::read) does.
    pub(crate) fn read_dtls(
        kind: HelloKind,
        body: &'a [u8],
        len: usize,
    ) -> Result<Self, HelloError> {
        Self::read_version(kind, body, len, is_dtls)
    }

    fn read_version(
        kind: HelloKind,
        body: &'a [u8],
        len: usize,
        is_known: fn(u16) -> bool,
    ) -> Result<Self, HelloError> {
        let mut reader = HelloReader { body, at: 0, end: len };
        let legacy = reader.integer(2)? as u16;
        if !is_known(legacy) {
            return Err(HelloError::Foreign);
        }
        reader.take(FIXED - 2)?;
        let session = reader.integer(1)?;
        if session > LONGEST_SESSION_ID {
            return Err(HelloError::Foreign);
        }
        reader.take(session)?;
        if kind == HelloKind::Client && is_dtls(legacy) {
            let cookie = reader.integer(1)?;
            reader.take(cookie)?;
        }
        let mut hello =
            Self { kind, legacy, ciphers: Vec::new(), extensions: Vec::new(), whole: false };
        match hello.read_rest(&mut reader) {
            Ok(()) => hello.whole = true,
            Err(HelloError::Cut) if !hello.ciphers.is_empty() => {}
            Err(fault) => return Err(fault),
        }
        Ok(hello)
    }

    fn read_rest(&mut self, reader: &mut HelloReader<'a>) -> Result<(), HelloError> {
        let ciphers = if self.kind == HelloKind::Client { reader.integer(2)? } else { 2 };
        if ciphers == 0 || ciphers % 2 != 0 || reader.at + ciphers > reader.end {
            return Err(HelloError::Foreign);
        }
        self.ciphers.reserve(ciphers / 2);
        for _ in 0..ciphers / 2 {
            self.ciphers.push(reader.integer(2)? as u16);
        }
        let methods = if self.kind == HelloKind::Client { reader.integer(1)? } else { 1 };
        let null_method = reader.take(methods)?.contains(&0);
        if self.kind == HelloKind::Client && !null_method {
            return Err(HelloError::Foreign);
        }
        // Before TLS 1.2 no extensions need follow.
        if reader.at == reader.end {
            return Ok(());
        }
        if reader.integer(2)? != reader.end - reader.at {
            return Err(HelloError::Foreign);
        }
        self.extensions.reserve(EXTENSIONS);
        while reader.at < reader.end {
            let kind = reader.integer(2)? as u16;
            let len = reader.integer(2)?;
            let at = reader.at;
            self.extensions.push((kind, reader.take(len)?, at));
        }
        Ok(())
    }

    fn extension(&self, kind: u16) -> Option<(&'a [u8], usize)> {
        self.extensions
            .iter()
            .find(|extension| extension.0 == kind)
            .map(|&(_, content, at)| (content, at))
    }

    /// The host name that the client requests, and its offset in the body.
    pub(crate) fn server_name(&self) -> Option<(&'a [u8], usize)> {
        let (content, at) = self.extension(SERVER_NAME)?;
        // The list's length, the kind of name (0: a host), the name's length.
        let [_, _, 0, high, low, name @ ..] = content else { return None };
        let name = name.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
        (!name.is_empty()).then_some((name, at + 5))
    }

    /// The application protocols that the client offers, or the one that the server chose, each
    /// with its offset in the body.
    pub(crate) fn protocols(&self) -> Vec<(&'a [u8], usize)> {
        let mut names = Vec::new();
        let Some(([_, _, list @ ..], at)) = self.extension(ALPN) else { return names };
        let (mut rest, mut at) = (list, at + 2);
        while let [len, behind @ ..] = rest {
            let len = usize::from(*len);
            let Some(name) = behind.get(..len).filter(|_| names.len() < PROTOCOLS) else { break };
            names.push((name, at + 1));
            at += 1 + len;
            rest = &behind[len..];
        }
        names
    }

    /// The highest version that the client offers; the one that the server chose. `None` where the
    /// extension that would say so may be in the part that was not captured (RFC 8446, section
    /// 4.2.1).
    pub(crate) fn version(&self) -> Option<u16> {
        let is_legacy = !self.whole
            && (self.legacy >= 0x0303 && !is_dtls(self.legacy) || self.legacy == DTLS_1_2);
        if is_legacy && self.extension(SUPPORTED_VERSIONS).is_none() {
            return None;
        }
        let offered = self.extension(SUPPORTED_VERSIONS).map_or(&[][..], |(content, _)| content);
        let list =
            if self.kind == HelloKind::Client { offered.get(1..).unwrap_or(&[]) } else { offered };
        pairs(list)
            .filter(|&version| !is_reserved(version))
            // The versions of DTLS count down.
            .max_by_key(|version| match version >> 8 {
                3 => (2, *version),
                0xfe => (1, !version),
                _ => (0, *version),
            })
            .or(Some(self.legacy))
    }

    /// The cipher suite that the server chose.
    pub(crate) fn cipher(&self) -> Option<String> {
        let id = *self.ciphers.first().filter(|_| self.kind == HelloKind::Server)?;
        Some(cipher_suites::name(id).map_or_else(|| format!("{id:#06x}"), str::to_owned))
    }

    /// The JA4 fingerprint of a client whose whole hello was captured; `carrier` is `t` over TCP
    /// and `q` in QUIC.
    pub(crate) fn ja4(&self, carrier: char) -> Option<String> {
        if self.kind != HelloKind::Client || !self.whole {
            return None;
        }
        let mut ciphers: Vec<u16> =
            self.ciphers.iter().copied().filter(|&id| !is_reserved(id)).collect();
        let mut kinds: Vec<u16> =
            self.extensions.iter().map(|e| e.0).filter(|&kind| !is_reserved(kind)).collect();
        let host = if kinds.contains(&SERVER_NAME) { 'd' } else { 'i' };
        let counts = (ciphers.len().min(99), kinds.len().min(99));
        kinds.retain(|kind| ![SERVER_NAME, ALPN].contains(kind));
        ciphers.sort_unstable();
        kinds.sort_unstable();
        let signatures = self
            .extension(SIGNATURE_ALGORITHMS)
            .map_or(&[][..], |(content, _)| content.get(2..).unwrap_or(&[]));
        let signatures = pairs(signatures).filter(|&id| !is_reserved(id));
        Some(format!(
            "{carrier}{}{host}{:02}{:02}{}_{}_{}",
            self.ja4_version(),
            counts.0,
            counts.1,
            self.ja4_protocol(),
            short_hash(ciphers.into_iter(), std::iter::empty()),
            short_hash(kinds.into_iter(), signatures),
        ))
    }

    /// JA4 takes the highest version number, whatever the number means.
    fn ja4_version(&self) -> &'static str {
        let offered = self
            .extension(SUPPORTED_VERSIONS)
            .and_then(|(content, _)| content.get(1..))
            .unwrap_or(&[]);
        match pairs(offered).filter(|&version| !is_reserved(version)).max().unwrap_or(self.legacy) {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            _ => "00",
        }
    }

    /// The first and the last character of the first application protocol, or of its bytes in
    /// hexadecimal.
    fn ja4_protocol(&self) -> String {
        let protocols = self.protocols();
        let Some(([first, .., last] | [first @ last], _)) = protocols.first() else {
            return "00".into();
        };
        if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            [char::from(*first), char::from(*last)].iter().collect()
        } else {
            format!("{:x}{:x}", first >> 4, last & 15)
        }
    }
}

/// Whether a version is one of DTLS that the beginning of a hello or a record has. In that of 1.3 it
/// is 1.2's (RFC 9147, section 5.3).
pub(crate) const fn is_dtls(version: u16) -> bool {
    matches!(version, DTLS_OLD | DTLS_1_0 | DTLS_1_2)
}

/// The name of a version of TLS or DTLS.
pub(crate) fn version_name(version: u16) -> String {
    match version {
        0x0002 => "SSL 2.0".into(),
        0x0300 => "SSL 3.0".into(),
        0x0301..=0x0304 => format!("1.{}", (version & 0xff) - 1),
        0x7f00..=0x7fff => format!("1.3 draft {}", version & 0xff),
        DTLS_OLD | DTLS_1_0 => "1.0".into(),
        DTLS_1_2 => "1.2".into(),
        DTLS_1_3 => "1.3".into(),
        other => format!("{other:#06x}"),
    }
}

/// Whether a value is one of those that clients mix in to test tolerance (RFC 8701).
const fn is_reserved(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// The first twelve digits of the hash of two lists in hexadecimal with a line between them, zeros
/// where there is nothing.
fn short_hash(first: impl Iterator<Item = u16>, second: impl Iterator<Item = u16>) -> String {
    let mut hash = Sha256::new();
    let mut between: &[u8] = b"";
    for value in first {
        hash.update(between);
        hash.update(value.to_be_bytes().map(hex).as_flattened());
        between = b",";
    }
    let is_empty = between.is_empty();
    between = b"_";
    for value in second {
        hash.update(between);
        hash.update(value.to_be_bytes().map(hex).as_flattened());
        between = b",";
    }
    if is_empty && between == b"_" {
        return "0".repeat(12);
    }
    hash.finalize().iter().take(6).flat_map(|&byte| hex(byte)).map(char::from).collect()
}

/// A byte in two digits.
const fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's hello with these cipher suites and extensions.
    fn client(ciphers: &[u16], extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend((ciphers.len() as u16 * 2).to_be_bytes());
        ciphers.iter().for_each(|id| body.extend(id.to_be_bytes()));
        body.extend([1, 0]);
        let mut list = Vec::new();
        for (kind, content) in extensions {
            list.extend(kind.to_be_bytes());
            list.extend((content.len() as u16).to_be_bytes());
            list.extend(*content);
        }
        body.extend((list.len() as u16).to_be_bytes());
        body.extend(list);
        body
    }

    fn read(body: &[u8]) -> Hello<'_> {
        Hello::read(HelloKind::Client, body, body.len()).unwrap()
    }

    #[test]
    fn the_fingerprint_is_that_of_the_specification() {
        let ciphers = [
            0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
            0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let signatures =
            b"\x00\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01";
        let versions = b"\x06\x3a\x3a\x03\x04\x03\x03";
        let rest = [
            0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0x000b, 0x000a, 0xff01,
            0x0015,
        ];
        let mut extensions: Vec<(u16, &[u8])> = vec![
            (0x1a1a, b""),
            (0, b"\x00\x09\x00\x00\x06a.test"),
            (13, signatures),
            (16, b"\x00\x0c\x02h2\x08http/1.1"),
            (43, versions),
        ];
        extensions.extend(rest.map(|kind| (kind, &b""[..])));
        let body = client(&ciphers, &extensions);
        let hello = read(&body);
        assert_eq!(hello.ja4('t').unwrap(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(hello.server_name().unwrap().0, b"a.test");
        assert_eq!(hello.version(), Some(0x0304));
    }

    #[test]
    fn an_unprintable_first_protocol_is_shown_in_hexadecimal() {
        for (name, shown) in [
            (&b"\xab"[..], "ab"),
            (b"\xab\xcd", "ad"),
            (b"0\xab", "3b"),
            (b"01\xab\xcd", "3d"),
            (b"0\xab\xcd1", "01"),
            (b"h", "hh"),
            (b"", "00"),
        ] {
            let mut content = ((name.len() + 1) as u16).to_be_bytes().to_vec();
            content.push(name.len() as u8);
            content.extend(name);
            let body = client(&[0x1301], &[(16, &content)]);
            assert_eq!(read(&body).ja4_protocol(), shown);
        }
    }

    #[test]
    fn nothing_offered_is_shown_as_zeros() {
        let mut body = client(&[0x0a0a], &[]);
        body.truncate(body.len() - 2);
        assert_eq!(read(&body).ja4('t').unwrap(), "t12i000000_000000000000_000000000000");
    }

    #[test]
    fn a_cut_hello_says_what_is_there_and_has_no_fingerprint() {
        let body =
            client(&[0x1301, 0x1302], &[(0, b"\x00\x09\x00\x00\x06a.test"), (21, &[0; 300])]);
        let hello = Hello::read(HelloKind::Client, &body[..100], body.len()).unwrap();
        assert!(!hello.whole);
        assert_eq!(hello.version(), None);
        assert_eq!(hello.server_name().unwrap().0, b"a.test");
        assert_eq!(hello.ja4('t'), None);
        assert_eq!(
            Hello::read(HelloKind::Client, &body[..36], body.len()).unwrap_err(),
            HelloError::Cut
        );
    }

    #[test]
    fn lengths_that_do_not_fit_are_no_hello() {
        let body = client(&[0x1301], &[(0, b"\x00\x09\x00\x00\x06a.test")]);
        for len in 0..body.len() {
            assert!(
                !Hello::read(HelloKind::Client, &body[..len], len)
                    .is_ok_and(|hello| !hello.extensions.is_empty())
            );
        }
    }
}
