//! Conversations in which most answers are errors, and such in which they are not.

use crate::decode::Transport;
use crate::detect::inspect;
use crate::evidence::{Depth, Direction, Evidence, FailureScope};
use crate::flow::Opening;

fn evidence(transport: Transport, client: &[&[u8]], server: &[&[u8]]) -> Evidence {
    inspect(&Opening::from_payloads(transport, client, server), Depth::Protocol)
}

/// The cause of the failure and the first of its frames.
fn failure(transport: Transport, client: &[&[u8]], server: &[&[u8]]) -> Option<(String, u64)> {
    let evidence = evidence(transport, client, server);
    assert!(evidence.protocol.is_some(), "not recognised");
    evidence.failure.map(|failure| {
        assert_eq!(failure.direction, Direction::Responder);
        (failure.cause, failure.frame)
    })
}

fn on_tcp(client: &[&[u8]], server: &[&[u8]]) -> Option<(String, u64)> {
    failure(Transport::Tcp, client, server)
}

fn fails(cause: &str, frame: u64) -> (String, u64) {
    (cause.to_owned(), frame)
}

#[test]
fn http_fails_if_most_responses_are_server_errors() {
    let (ask, ok, bad): (&[u8], &[u8], &[u8]) = (
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(on_tcp(&[ask], &[bad]), Some(fails("HTTP 502", 2)));
    assert_eq!(on_tcp(&[ask, ask, ask], &[ok, bad, bad]), Some(fails("HTTP 502", 5)));
    assert_eq!(on_tcp(&[ask, ask], &[ok, bad]), None);
    assert_eq!(on_tcp(&[ask], &[b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]), None);
}

#[test]
fn sip_fails_by_its_final_responses_and_not_by_challenges() {
    let message = |start: &str, cseq: &str| {
        format!("{start}\r\nVia: x\r\nFrom: b\r\nTo: a\r\nCall-ID: 1\r\nCSeq: {cseq}\r\n\r\n")
    };
    let ask = message("REGISTER sip:a SIP/2.0", "1 REGISTER");
    let answered = |statuses: &[&str]| {
        let answers: Vec<_> = statuses
            .iter()
            .map(|status| message(&format!("SIP/2.0 {status}"), "1 REGISTER"))
            .collect();
        let answers: Vec<_> = answers.iter().map(String::as_bytes).collect();
        failure(Transport::Udp, &vec![ask.as_bytes(); statuses.len()], &answers)
    };
    assert_eq!(answered(&["403 Forbidden"]), Some(fails("SIP 403", 2)));
    assert_eq!(answered(&["100 Trying", "503 Service Unavailable"]), Some(fails("SIP 503", 4)));
    assert_eq!(answered(&["401 Unauthorized"]), None);
    assert_eq!(answered(&["401 Unauthorized", "401 Unauthorized"]), None);
    assert_eq!(answered(&["401 Unauthorized", "200 OK"]), None);
    assert_eq!(
        answered(&["407 Proxy Authentication Required", "403 No"]),
        Some(fails("SIP 403", 4))
    );
    assert_eq!(answered(&["487 Request Terminated"]), None);
    assert_eq!(answered(&["486 Busy Here", "200 OK"]), None);
}

#[test]
fn csta_fails_with_universal_failures_in_ber_and_in_xml() {
    let start = b"\xa1\x0d\x02\x01\x01\x02\x01\x47\x30\x05\x80\x03555";
    let failed = b"\xa3\x09\x02\x01\x01\x02\x01\x01\x81\x01\x04";
    assert_eq!(on_tcp(&[start], &[failed]), Some(fails("CSTA universalFailure", 2)));
    let associate = b"\x60\x09\xa1\x07\x06\x05\x2b\x0c\0\x81\x34";
    let refused = b"\x61\x0e\xa1\x07\x06\x05\x2b\x0c\0\x81\x34\xa2\x03\x02\x01\x01";
    assert_eq!(on_tcp(&[associate], &[refused]), Some(fails("CSTA session refused", 2)));
    let accepted = b"\x61\x0e\xa1\x07\x06\x05\x2b\x0c\0\x81\x34\xa2\x03\x02\x01\x00";
    let rejected = b"\xa4\x06\x02\x01\x01\x81\x01\x02";
    assert_eq!(on_tcp(&[associate, start], &[accepted, rejected]), Some(fails("CSTA reject", 4)));
    let started = b"\xa2\x0c\x02\x01\x01\x30\x07\x02\x01\x47\x55\x02\0\x01";
    assert_eq!(on_tcp(&[associate, start], &[accepted, started]), None);

    let xml = |root: &str| {
        let document = format!(
            "<{root} xmlns='http://www.ecma-international.org/standards/ecma-323/csta/ed4'>\
             <operation>invalidDeviceID</operation></{root}>"
        );
        let len = (document.len() + 8) as u16;
        [&[0, 0], &len.to_be_bytes()[..], b"0001", document.as_bytes()].concat()
    };
    let ask = xml("MakeCall");
    let answered = |root: &str| on_tcp(&[&ask], &[&xml(root)]);
    assert_eq!(answered("CSTAErrorCode"), Some(fails("CSTA universalFailure", 2)));
    assert_eq!(
        answered("StartApplicationSessionNegResponse"),
        Some(fails("CSTA session refused", 2))
    );
    assert_eq!(answered("MakeCallResponse"), None);
}

#[test]
fn csta_states_why_it_failed_and_that_a_monitor_was_started() {
    let stated = |client: &[u8], server: &[u8], name: &str| {
        let facts = evidence(Transport::Tcp, &[client], &[server]).facts;
        let fact = facts.into_iter().find(|fact| fact.name.is(name));
        fact.map(|fact| fact.value)
    };
    let start = b"\xa1\x0d\x02\x01\x01\x02\x01\x47\x30\x05\x80\x03555";
    let failed = b"\xa3\x09\x02\x01\x01\x02\x01\x01\x81\x01\x04";
    let started = b"\xa2\x0c\x02\x01\x01\x30\x07\x02\x01\x47\x55\x02\0\x01";
    assert_eq!(
        stated(start, failed, "csta.error").as_deref(),
        Some("universalFailure, category 1, value 4")
    );
    assert_eq!(stated(start, started, "csta.monitor").as_deref(), Some("started"));
    let error = b"\0\0\0\x880001<CSTAErrorCode xmlns='http://www.ecma-international.org/standards/ecma-323/csta/ed4'><operation>invalidDeviceID</operation></CSTAErrorCode>";
    assert_eq!(stated(b"", error, "csta.error").as_deref(), Some("operation invalidDeviceID"));
}

#[test]
fn sql_log_ins_fail_with_the_codes_of_their_protocols() {
    let startup = b"\0\0\0\x13\0\x03\0\0user\0zeek\0\0";
    let refused = b"E\0\0\0\x2aSFATAL\0VFATAL\0C28P01\0Mno pg_hba.conf\0\0";
    let ok = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    let wrong = b"E\0\0\0\x1eSERROR\0C42P01\0Mno table\0\0";
    assert_eq!(on_tcp(&[startup], &[refused]), Some(fails("PostgreSQL 28P01", 2)));
    assert_eq!(on_tcp(&[startup], &[ok, wrong]), None);

    let greeting = b"\x4a\0\0\0\x0a8.0.28\0\x1e\0\0\0P8RY=+\x14C\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0RH>wR\x05'\x09\x0c\x1b8@\0caching_sha2_password\0";
    let login = b"\x40\0\0\x01\x8d\xa6\xff\x01\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ann\0\0app\0mysql_native_password\0\0";
    let denied = b"\x26\0\0\x02\xff\x15\x04#28000Access denied for user 'ann'";
    let denied = [&[denied.len() as u8 - 4], &denied[1..]].concat();
    let accepted = b"\x07\0\0\x02\0\0\0\x02\0\0\0";
    assert_eq!(on_tcp(&[login], &[greeting, &denied]), Some(fails("MySQL 1045", 3)));
    assert_eq!(on_tcp(&[login], &[greeting, accepted]), None);
    let busy = b"\x1d\0\0\0\xff\x10\x04#08004Too many connections";
    assert_eq!(on_tcp(&[], &[busy]), Some(fails("MySQL 1040", 1)));
}

#[test]
fn redis_mongodb_ldap_and_mqtt_fail_with_their_refusals() {
    let ping = b"*1\r\n$4\r\nPING\r\n";
    assert_eq!(on_tcp(&[ping], &[b"-NOAUTH Authentication required.\r\n"]), None);
    assert_eq!(on_tcp(&[ping], &[b"-WRONGPASS no\r\n"]), Some(fails("Redis WRONGPASS", 2)));
    assert_eq!(on_tcp(&[ping], &[b"-ERR unknown command 'PINK'\r\n"]), Some(fails("Redis ERR", 2)));
    assert_eq!(on_tcp(&[ping, ping], &[b"+PONG\r\n", b"-ERR x\r\n"]), None);
    assert_eq!(on_tcp(&[ping], &[b"-MOVED 3999 127.0.0.1:6381\r\n"]), None);

    let hello = b"\x30\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1b\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x03\0\0\0db\0\0";
    let reply = |elements: &[u8]| {
        let document = [&(elements.len() as u32 + 5).to_le_bytes()[..], elements, b"\0"].concat();
        let body = [b"\x09\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0", &document[..]].concat();
        [&(body.len() as u32 + 4).to_le_bytes()[..], &body].concat()
    };
    let done = reply(b"\x01ok\0\0\0\0\0\0\0\xf0\x3f");
    let failed = reply(
        b"\x01ok\0\0\0\0\0\0\0\0\0\x02errmsg\0\x16\0\0\0Authentication failed\0\x10code\0\x12\0\0\0",
    );
    assert_eq!(on_tcp(&[hello], &[&failed]), Some(fails("MongoDB 18", 2)));
    assert_eq!(on_tcp(&[hello], &[&done]), None);

    let bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0";
    let result =
        |code: u8| [b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01", &[code][..], b"\x04\0\x04\0"].concat();
    assert_eq!(on_tcp(&[bind], &[&result(49)]), Some(fails("LDAP invalidCredentials (49)", 2)));
    assert_eq!(on_tcp(&[bind], &[&result(0)]), None);
    assert_eq!(on_tcp(&[bind], &[&result(14)]), None);

    let connect = b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06sensor";
    let connect_5 = b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\0\0\x06sensor";
    assert_eq!(
        on_tcp(&[connect], &[b"\x20\x02\0\x05"]),
        Some(fails("MQTT refused: not authorized", 2))
    );
    assert_eq!(
        on_tcp(&[connect_5], &[b"\x20\x03\0\x8a\0"]),
        Some(fails("MQTT refused: banned", 2))
    );
    assert_eq!(on_tcp(&[connect], &[b"\x20\x02\0\0"]), None);
}

#[test]
fn mail_and_file_servers_fail_with_refused_log_ins_and_mails() {
    let hello = b"EHLO a\r\n";
    let (greeting, able) = (b"220 a ESMTP\r\n", b"250 a\r\n");
    let smtp = |answer: &[u8]| on_tcp(&[hello, b"MAIL FROM:<a@a>\r\n"], &[greeting, able, answer]);
    assert_eq!(smtp(b"550 5.7.1 relaying denied\r\n"), Some(fails("SMTP 550", 5)));
    assert_eq!(smtp(b"450 4.2.0 greylisted\r\n"), Some(fails("SMTP 450", 5)));
    assert_eq!(smtp(b"250 ok\r\n354 go on\r\n550 one of three\r\n"), None);
    assert_eq!(smtp(b"502 no such command\r\n"), None);

    let ftp = |answers: &[u8]| {
        on_tcp(&[b"USER a\r\n", b"PASS b\r\n"], &[b"220 ready\r\n331 password\r\n", answers])
    };
    assert_eq!(ftp(b"530 Login incorrect.\r\n"), Some(fails("FTP 530", 4)));
    assert_eq!(ftp(b"230 in\r\n"), None);
    assert_eq!(ftp(b"530 Login incorrect.\r\n230 in\r\n"), None);

    let pop3 = |answers: &[u8]| {
        on_tcp(&[b"USER a\r\n", b"PASS b\r\n", b"QUIT\r\n"], &[b"+OK POP3 ready\r\n", answers])
    };
    assert_eq!(pop3(b"+OK\r\n-ERR no\r\n+OK bye\r\n"), Some(fails("POP3 log-in refused", 5)));
    assert_eq!(pop3(b"+OK\r\n+OK in\r\n+OK bye\r\n"), None);

    let imap = |answer: &[u8]| {
        on_tcp(&[b"1 CAPABILITY\r\n", b"2 LOGIN a b\r\n"], &[b"* OK IMAP4rev1\r\n1 OK\r\n", answer])
    };
    assert_eq!(imap(b"2 NO [AUTHENTICATIONFAILED] no\r\n"), Some(fails("IMAP log-in refused", 4)));
    assert_eq!(imap(b"2 OK in\r\n3 NO such mailbox\r\n"), None);
}

#[test]
fn cameras_and_calls_fail_with_their_statuses() {
    let answer = |status: &str| format!("RTSP/1.0 {status}\r\nCSeq: 1\r\n\r\n").into_bytes();
    let ask = b"DESCRIBE rtsp://camera.test/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    assert_eq!(on_tcp(&[ask], &[&answer("404 Not Found")]), Some(fails("RTSP 404", 2)));
    assert_eq!(on_tcp(&[ask], &[&answer("401 Unauthorized")]), None);
    assert_eq!(on_tcp(&[ask], &[&answer("200 OK")]), None);

    // Literal fields without indexing (RFC 7541, section 6.2.2).
    let field = |name: &[u8], value: &[u8]| {
        [&[0, name.len() as u8], name, &[value.len() as u8], value].concat()
    };
    let headers = |flags: u8, stream: u8, fields: &[(&[u8], &[u8])]| {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
        [&[0, 0, block.len() as u8, 1, flags, 0, 0, 0, stream], &block[..]].concat()
    };
    let settings: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    let asked = headers(
        5,
        1,
        &[(b":method", b"POST"), (b":path", b"/a.B/C"), (b"content-type", b"application/grpc")],
    );
    let client = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], settings, &asked].concat();
    let answered = |status: &[u8], trailer: &[u8]| {
        let fields: &[(&[u8], &[u8])] =
            &[(b":status", status), (b"content-type", b"application/grpc")];
        let end = headers(5, 1, &[(b"grpc-status", trailer)]);
        on_tcp(&[&client], &[&[settings, &headers(4, 1, fields), &end].concat()])
    };
    assert_eq!(answered(b"200", b"14"), Some(fails("gRPC status 14", 2)));
    assert_eq!(answered(b"200", b"0"), None);
    assert_eq!(answered(b"503", b"0"), None, "one of two");
}

#[test]
fn what_turns_down_one_request_is_told_from_what_turns_down_everybody() {
    let scope = |transport, client: &[u8], server: &[&[u8]]| {
        evidence(transport, &[client], server).failure.map(|failure| failure.scope)
    };
    let of_tcp = |client: &[u8], server: &[&[u8]]| scope(Transport::Tcp, client, server);
    let (one, all) = (Some(FailureScope::Request), Some(FailureScope::Service));
    let hello = b"EHLO a\r\n";
    assert_eq!(of_tcp(hello, &[b"220 a ESMTP\r\n", b"550 5.1.1 nobody\r\n"]), one);
    assert_eq!(of_tcp(hello, &[b"220 a ESMTP\r\n", b"421 4.3.2 shutting down\r\n"]), all);
    let startup = b"\0\0\0\x13\0\x03\0\0user\0zeek\0\0";
    let error = |code: &str| {
        let fields = format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0");
        [b"E\0\0\0", &[fields.len() as u8 + 4][..], fields.as_bytes()].concat()
    };
    assert_eq!(of_tcp(startup, &[&error("28P01")]), one);
    assert_eq!(of_tcp(startup, &[&error("53300")]), all);
    let connect = b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06sensor";
    assert_eq!(of_tcp(connect, &[b"\x20\x02\0\x04"]), one, "a name or a password");
    assert_eq!(of_tcp(connect, &[b"\x20\x02\0\x05"]), all);
    let ping = b"*1\r\n$4\r\nPING\r\n";
    assert_eq!(of_tcp(ping, &[b"-WRONGPASS no\r\n"]), one);
    assert_eq!(of_tcp(ping, &[b"-LOADING the data set\r\n"]), all);
    let start = b"\xa1\x0d\x02\x01\x01\x02\x01\x47\x30\x05\x80\x03555";
    assert_eq!(of_tcp(start, &[b"\xa3\x09\x02\x01\x01\x02\x01\x01\x81\x01\x04"]), all);
    let page = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(of_tcp(page, &[b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]), one);
}

#[test]
fn eos_reports_what_it_cannot_read_in_osc_and_as_text() {
    let osc = |client: &[u8], server: &[&[u8]]| failure(Transport::Udp, &[client], server);
    let command = b"/eos/cmd\0\0\0\0,s\0\0Chan 1 Foo\0\0";
    let wrong = b"/eos/out/cmd\0\0\0\0,s\0\0LIVE: Foo : Syntax Error\0\0\0\0";
    let right = b"/eos/out/cmd\0\0\0\0,s\0\0LIVE: Chan 1\0\0\0\0";
    assert_eq!(osc(command, &[wrong]), Some(fails("Eos Syntax Error", 2)));
    assert_eq!(osc(command, &[wrong, right]), None);
    assert_eq!(
        osc(command, &[b"LIVE: /eos/cmd : Syntax Error\n"]),
        Some(fails("Eos Syntax Error", 2))
    );
}
