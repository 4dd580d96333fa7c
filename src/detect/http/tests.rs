//! Facts of HTTP conversations.

use super::*;
use crate::evidence::Direction;

fn facts(initiator: &[&[u8]], responder: &[&[u8]]) -> Vec<String> {
    let opening = Opening::of(Transport::Tcp, initiator, responder);
    match inspect(&opening) {
        Finding::Yes(Protocol::Http, facts) => {
            facts.iter().map(|f| format!("{} {} = {} @{}", f.direction.id(), f.name, f.value, f.frame)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn states_what_each_message_says_with_its_frame() {
    let said = facts(
        &[b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /next ", b"HTTP/1.1\r\n\r\n"],
        &[b"HTTP/1.1 201 Created\r\nServer:  it \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"],
    );
    assert_eq!(
        said,
        [
            "initiator http.method = POST @1",
            "initiator http.target = /a?b @1",
            "initiator http.request-header.host = x @1",
            "initiator http.request-header.content-length = 3 @1",
            "initiator http.request-body = abc @1",
            "initiator http.method = GET @1",
            "initiator http.target = /next @1",
            "responder http.status = 201 @3",
            "responder http.response-header.server = it @3",
            "responder http.response-header.transfer-encoding = chunked @3",
            "responder http.response-body = 2\r\nhi\r\n0\r\n\r\n @3",
            "responder http.status = 304 @3",
        ]
    );
}

#[test]
fn a_response_to_head_announces_a_body_that_does_not_come() {
    let said = facts(
        &[b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"],
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"HTTP/1.1 500 No\r\nX-A: b\r\n\r\n"],
    );
    assert!(said.contains(&"responder http.response-header.x-a = b @3".to_owned()), "{said:?}");
}

#[test]
fn a_head_that_the_capture_cut_gives_its_whole_lines() {
    let said = facts(&[b"GET / HTTP/1.1\r\nHost: x\r\nUser-Ag"], &[]);
    assert_eq!(said.last().unwrap(), "initiator http.request-header.host = x @1");
}

#[test]
fn websocket_texts_are_stated_masked_and_plain() {
    let mut frames = b"GET /hot HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x82\x01\x02\x03\x04".to_vec();
    frames.extend([b'h' ^ 1, b'i' ^ 2]);
    let said = facts(&[&frames], &[b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x89\x00\x81\x03hot"]);
    let texts: Vec<_> = said.iter().filter(|s| s.contains("websocket.text")).collect();
    assert_eq!(texts, ["initiator websocket.text = hi @1", "responder websocket.text = hot @2"]);
}

#[test]
fn the_responder_decides_what_is_spoken() {
    let request: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
    let other = Opening::of(Transport::Tcp, &[request], &[b"-ERR unknown command\r\n"]);
    assert_eq!(inspect(&other), Finding::No);
    let refused = Opening::of(Transport::Tcp, &[b"\x16\x03\x01\x00\x05"], &[b"HTTP/1.1 400 Bad Request\r\n\r\n"]);
    assert!(matches!(inspect(&refused), Finding::Yes(..)));
    assert_eq!(refused.side(Direction::Initiator).head().len(), 5);
}

#[test]
fn other_text_protocols_are_not_http() {
    for line in [
        "INVITE sip:a SIP/2.0\r\n",
        "OPTIONS rtsp://a RTSP/1.0\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
        "hello world foo\r\n",
        "get / http/1.1\r\n",
    ] {
        assert_eq!(inspect(&Opening::of(Transport::Tcp, &[line.as_bytes()], &[])), Finding::No, "{line}");
    }
}

#[test]
fn a_hostile_content_length_does_not_turn_the_reader_back() {
    let said = facts(&[], &[b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx"]);
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn only_bodies_that_are_text_are_stated() {
    for (field, stated) in [
        ("X-A: b", true),
        ("Content-Type: application/json; charset=utf-8", true),
        ("Content-Type: text/html", true),
        ("Content-Type: text/plain", false),
        ("Content-Type: image/png", false),
        ("Content-Encoding: gzip", false),
        ("Content-Encoding: identity", true),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 2\r\n\r\nhi");
        let said = facts(&[], &[response.as_bytes()]);
        assert_eq!(said.iter().any(|fact| fact.contains("http.response-body = hi")), stated, "{field}");
    }
}

#[test]
fn requests_and_responses_are_paired_and_interim_answers_belong_to_the_next() {
    let opening = Opening::of(
        Transport::Tcp,
        &[b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"],
        &[b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
    );
    let Finding::Yes(_, facts) = inspect(&opening) else { panic!() };
    let of =
        |name: &str| facts.iter().filter(|f| f.name.stem == name).map(|f| (f.value.as_str(), f.exchange)).collect::<Vec<_>>();
    assert_eq!(of("http.target"), [("/a", 1), ("/b", 2)]);
    assert_eq!(of("http.status"), [("404", 1), ("100", 2), ("200", 2)]);
}
