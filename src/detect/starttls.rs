//! A connection that changes to TLS after a request in its own protocol, such as STARTTLS of SMTP
//! (RFC 3207): the client's hello behind the request. The flow keeps the name of its first protocol.

use crate::detect::formats::lines;
use crate::detect::formats::tls_hello::{CLIENT_HELLO, Hello, HelloKind, MESSAGE_HEADER};
use crate::detect::statement::Statement;

/// Bytes before the content of a TLS record (RFC 8446, section 5.1), and the type of a handshake.
const RECORD_HEADER: usize = 5;
const HANDSHAKE: u8 = 22;
/// Lines of a client that are read at most.
const LINES: usize = 8;

/// What a client's line means for the change to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientLine {
    /// It requests the change.
    Upgrade,
    /// It may come before such a request.
    Before,
    /// No change follows.
    Other,
}

/// What follows a request to change to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRequest {
    /// Nothing so far.
    Nothing,
    /// TLS.
    Tls,
    /// Something else: the server refused.
    Other,
}

/// Reads the lines of a client up to a request to change to TLS, and states as `fact` what became of
/// it: `requested`, `yes` or `refused`.
pub(crate) fn state_lines(
    statement: &mut Statement<'_>,
    fact: &'static str,
    meaning: impl Fn(&[u8]) -> ClientLine,
) {
    let bytes = statement.stream.head();
    for line in lines::whole_lines(bytes).take(LINES) {
        match meaning(line.text) {
            ClientLine::Before => {}
            ClientLine::Other => return,
            ClientLine::Upgrade => {
                let rest = bytes.get(line.at..).unwrap_or_default();
                let Some(end) = rest.iter().position(|&b| b == b'\n') else { return };
                let outcome: &[u8] = match state_hello(statement, line.at + end + 1) {
                    AfterRequest::Nothing => b"requested",
                    AfterRequest::Tls => b"yes",
                    AfterRequest::Other => b"refused",
                };
                statement.fact(fact, outcome, line.at);
                return;
            }
        }
    }
    // The request may come next.
    if statement.stream.head_may_grow() {
        statement.awaits_fact();
    }
}

/// States the host name, the application protocols and the fingerprint of the client's hello at the
/// offset `at` of the stream, behind a request to change to TLS. Where it is still to come, the
/// statement awaits it.
pub(crate) fn state_hello(statement: &mut Statement<'_>, at: usize) -> AfterRequest {
    let bytes = statement.stream.head().get(at..).unwrap_or_default();
    let may_grow = statement.stream.head_may_grow();
    let begins = |(i, &byte): (usize, &u8)| match i {
        0 => byte == HANDSHAKE,
        1 => byte == 3,
        2 => byte <= 4,
        5 => byte == CLIENT_HELLO,
        _ => true,
    };
    if !bytes.iter().take(RECORD_HEADER + 1).enumerate().all(begins) {
        return AfterRequest::Other;
    }
    if let [_, _, _, _, _, _, a, b, c, body @ ..] = bytes {
        let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let body = &body[..body.len().min(len)];
        if let Ok(hello) = Hello::read(HelloKind::Client, body, len)
            && (hello.whole || !may_grow)
        {
            let place = at + RECORD_HEADER + MESSAGE_HEADER;
            if !statement.wants_facts() {
                return AfterRequest::Tls;
            }
            if let Some((name, offset)) = hello.server_name() {
                statement.fact("tls.sni", name, place + offset);
            }
            for (name, offset) in hello.protocols() {
                statement.fact("tls.alpn", name, place + offset);
            }
            if let Some(print) = hello.ja4('t') {
                statement.fact("tls.ja4", print.as_bytes(), place);
            }
            return AfterRequest::Tls;
        }
    }
    if may_grow {
        statement.awaits_fact();
    }
    if bytes.len() > RECORD_HEADER { AfterRequest::Tls } else { AfterRequest::Nothing }
}

#[cfg(test)]
mod tests {
    use crate::decode::Transport;
    use crate::detect::inspect;
    use crate::evidence::{Depth, Evidence, Protocol, Wanted};
    use crate::flow::Opening;

    /// A hello with the host name `a.test` and ALPN `imap`.
    const HELLO: &[u8] = b"\x16\x03\x01\x00\x49\x01\x00\x00\x45\x03\x03\
        0123456789abcdef0123456789abcdef\x00\x00\x02\x13\x01\x01\x00\x00\x1a\
        \x00\x00\x00\x0b\x00\x09\x00\x00\x06a.test\x00\x10\x00\x07\x00\x05\x04imap";
    const SERVER: &[u8] = b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03fedcba9876543210fedcba9876543210\x00\xc0\x2f\x00";

    fn of(client: &[&[u8]], server: &[&[u8]]) -> Evidence {
        inspect(&Opening::from_payloads(Transport::Tcp, client, server), Depth::Facts)
    }

    fn stated<'a>(evidence: &'a Evidence, name: &str) -> Vec<&'a str> {
        let facts = evidence.facts.iter().filter(|fact| fact.name.stem == name);
        facts.map(|fact| fact.value.as_str()).collect()
    }

    #[test]
    fn a_flow_that_changes_to_tls_keeps_its_name_and_states_the_hello() {
        let mysql_greeting = b"\x4a\0\0\0\x0a8.0.28\0\x1e\0\0\0P8RY=+\x14C\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0RH>wR\x05'\x09\x0c\x1b8@\0caching_sha2_password\0";
        let mysql_request = b"\x20\0\0\x01\x8f\xaa\x3a\0\xff\xff\xff\0\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        for (protocol, fact, client, server) in [
            (
                Protocol::Smtp,
                Some("smtp.starttls"),
                &[&b"EHLO a\r\n"[..], b"STARTTLS\r\n"][..],
                &[&b"220 a ESMTP\r\n"[..], b"250-a\r\n250 STARTTLS\r\n", b"220 go\r\n"][..],
            ),
            (
                Protocol::Imap,
                Some("imap.starttls"),
                &[b"a CAPABILITY\r\n", b"b STARTTLS\r\n"],
                &[
                    b"* OK IMAP4rev1 ready\r\n",
                    b"* CAPABILITY IMAP4rev1\r\na OK\r\n",
                    b"b OK go\r\n",
                ],
            ),
            (
                Protocol::Pop3,
                Some("pop3.starttls"),
                &[b"CAPA\r\n", b"STLS\r\n"],
                &[b"+OK POP3 ready\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK go\r\n"],
            ),
            (
                Protocol::Ftp,
                Some("ftp.starttls"),
                &[b"FEAT\r\n", b"AUTH TLS\r\n"],
                &[b"220 FTP ready\r\n", b"211 no\r\n", b"234 go\r\n"],
            ),
            (
                Protocol::Ldap,
                Some("ldap.starttls"),
                &[b"\x30\x1d\x02\x01\x02\x77\x18\x80\x161.3.6.1.4.1.1466.20037"],
                &[b"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00"],
            ),
            (Protocol::Postgresql, None, &[b"\0\0\0\x08\x04\xd2\x16\x2f"], &[b"S"]),
            (Protocol::Mysql, None, &[mysql_request], &[mysql_greeting]),
        ] {
            for (hello, sni) in [(HELLO, vec!["a.test"]), (&HELLO[..30], vec![]), (b"", vec![])] {
                let client = [client, &[hello]].concat();
                let answer = if hello == HELLO { SERVER } else { b"" };
                let evidence = of(&client, &[server, &[answer]].concat());
                assert_eq!(
                    evidence.protocol,
                    Some(protocol),
                    "{protocol} with {} bytes",
                    hello.len()
                );
                assert_eq!(stated(&evidence, "tls.sni"), sni, "{protocol}");
                if hello == HELLO {
                    assert_eq!(stated(&evidence, "tls.alpn"), ["imap"]);
                    assert_ne!(evidence.wanted, Wanted::More, "{protocol}");
                } else {
                    assert_ne!(evidence.wanted, Wanted::Nothing, "{protocol}");
                }
                if let Some(fact) = fact {
                    let outcome = if hello.is_empty() { "requested" } else { "yes" };
                    assert_eq!(stated(&evidence, fact), [outcome], "{protocol}");
                }
            }
        }
    }

    #[test]
    fn a_refused_change_is_stated_and_a_log_in_in_the_clear_awaits_none() {
        let server: &[&[u8]] = &[b"220 a ESMTP\r\n", b"250 a\r\n"];
        let refused = of(&[b"EHLO a\r\nSTARTTLS\r\n", b"QUIT\r\n"], server);
        assert_eq!(stated(&refused, "smtp.starttls"), ["refused"]);
        let clear = of(&[b"EHLO a\r\n", b"MAIL FROM:<a@a>\r\n"], server);
        assert_eq!(stated(&clear, "smtp.starttls"), [""; 0]);
        assert_eq!((refused.wanted, clear.wanted), (Wanted::Everything, Wanted::Everything));
        assert_eq!(of(&[b"EHLO a\r\n"], server).wanted, Wanted::More);
    }

    #[test]
    fn tls_from_the_first_byte_on_is_tls_on_any_port() {
        assert_eq!(of(&[HELLO], &[SERVER]).protocol, Some(Protocol::Tls));
    }
}
