//! What careless servers answer to a plain request, and what is no answer of HTTP.

use super::*;

const GET: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

#[test]
fn a_malformed_answer_to_a_request_is_http_and_its_line_is_stated() {
    for (answer, line, status) in [
        (&b"HTTP/1.1 2 ok\r\n\r\n"[..], "HTTP/1.1 2 ok", None),
        (b"HTTP/1.1\r\n\r\n", "HTTP/1.1", None),
        (b"http/1.0 200 ok\nServer: x\n\n", "http/1.0 200 ok", Some("200")),
        (b"HTTP/1.0  404 Not Found\r\n\r\n", "HTTP/1.0  404 Not Found", Some("404")),
        (b"HTTP/0.9 200 OK\r\n\r\n", "HTTP/0.9 200 OK", Some("200")),
        (b"ICY 200 OK\r\nicy-name: a\r\n\r\n\xff\xfb\x90", "ICY 200 OK", Some("200")),
        (b"ICY 401 Service Unavailable\r\n", "ICY 401 Service Unavailable", Some("401")),
    ] {
        let opening = Opening::from_payloads(Transport::Tcp, &[GET], &[answer]);
        let of = |name| stated(&opening, name).into_iter().map(|f| f.0).collect::<Vec<_>>();
        assert_eq!(of("http.status-line"), [line]);
        assert_eq!(of("http.status"), status.into_iter().collect::<Vec<_>>());
        assert_eq!(
            inspect(&Opening::from_payloads(Transport::Tcp, &[], &[answer]), Depth::Facts),
            Detection::No,
            "{line} alone"
        );
        for len in 1..answer.len() {
            let opening = Opening::from_payloads(Transport::Tcp, &[GET], &[&answer[..len]]);
            assert_ne!(inspect(&opening, Depth::Facts), Detection::No, "{line} cut after {len}");
        }
    }
    let found = facts(&[GET], &[b"ICY 200 OK\r\nicy-name: a\r\n\r\n"]);
    assert!(
        found.contains(&"responder http.response-header.icy-name = a @2".to_owned()),
        "{found:?}"
    );
}

#[test]
fn a_page_without_a_head_answers_a_request() {
    for page in [&b"<html><body>x</body></html>"[..], b"\r\n<!DOCTYPE HTML>\n<p>x"] {
        let opening = |client: &[&[u8]]| Opening::from_payloads(Transport::Tcp, client, &[page]);
        assert!(matches!(inspect(&opening(&[GET]), Depth::Facts), Detection::Yes(..)));
        assert_eq!(inspect(&opening(&[]), Depth::Facts), Detection::No);
        assert_eq!(inspect(&opening(&[b"USER x\r\n"]), Depth::Facts), Detection::No);
    }
}

#[test]
fn what_another_protocol_answers_to_a_request_is_not_http() {
    for answer in [
        &b"-ERR unknown command 'GET'\r\n"[..],
        b"SSH-2.0-x\r\n",
        b"220 ready\r\n",
        b"RTSP/1.0 400 Bad Request\r\n\r\n",
        b"<?xml version='1.0'?><stream:stream>",
        b"ICYX\r\n",
        b"HTTP is not what is spoken here\r\n",
    ] {
        let opening = Opening::from_payloads(Transport::Tcp, &[GET], &[answer]);
        assert_eq!(
            inspect(&opening, Depth::Facts),
            Detection::No,
            "{}",
            String::from_utf8_lossy(answer)
        );
    }
}

#[test]
fn a_start_line_that_the_snap_length_cut_does_not_hide_what_follows() {
    let mut opening = Opening::new(Transport::Tcp);
    let line = b"GET /a/long/target/that/the/capture/has/cut";
    opening.push_cut_for_test(&[(line, 400), (b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n", 28)]);
    assert_eq!(stated(&opening, "http.target").len(), 1);
    let mut opening = Opening::new(Transport::Tcp);
    opening.push_cut_for_test(&[(line, 400)]);
    assert_eq!(inspect(&opening, Depth::Facts), Detection::NeedMore);
}
