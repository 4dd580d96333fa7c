//! Facts of HTTP conversations.

mod framing;
mod malformed;

use super::*;
use crate::evidence::Direction;
use crate::evidence::Recognition;

fn facts(initiator: &[&[u8]], responder: &[&[u8]]) -> Vec<String> {
    let opening = Opening::from_payloads(Transport::Tcp, initiator, responder);
    match inspect(&opening, Depth::Facts) {
        Detection::Yes(Recognition { protocol: Protocol::Http, facts, .. }) => facts
            .iter()
            .map(|f| format!("{} {} = {} @{}", f.direction.as_str(), f.name, f.value, f.frame))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn states_what_each_message_says_with_its_frame() {
    let stated = facts(
        &[b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /next ", b"HTTP/1.1\r\n\r\n"],
        &[b"HTTP/1.1 201 Created\r\nServer:  it \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"],
    );
    assert_eq!(
        stated,
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
            "responder http.response-body = hi @3",
            "responder http.status = 304 @3",
        ]
    );
}

#[test]
fn a_response_to_head_announces_a_body_that_does_not_come() {
    let stated = facts(
        &[b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"],
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"HTTP/1.1 500 No\r\nX-A: b\r\n\r\n"],
    );
    assert!(stated.contains(&"responder http.response-header.x-a = b @3".to_owned()), "{stated:?}");
}

#[test]
fn a_head_that_the_capture_cut_gives_its_whole_lines() {
    let stated = facts(&[b"GET / HTTP/1.1\r\nHost: x\r\nUser-Ag"], &[]);
    assert_eq!(stated.last().unwrap(), "initiator http.request-header.host = x @1");
}

#[test]
fn websocket_texts_are_stated_masked_and_plain() {
    let mut frames =
        b"GET /hot HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x82\x01\x02\x03\x04".to_vec();
    frames.extend([b'h' ^ 1, b'i' ^ 2]);
    let stated =
        facts(&[&frames], &[b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x89\x00\x81\x03hot"]);
    let texts: Vec<_> = stated.iter().filter(|s| s.contains("websocket.text")).collect();
    assert_eq!(texts, ["initiator websocket.text = hi @1", "responder websocket.text = hot @2"]);
}

#[test]
fn the_responder_decides_what_is_spoken() {
    let request: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
    let other = Opening::from_payloads(Transport::Tcp, &[request], &[b"-ERR unknown command\r\n"]);
    assert_eq!(inspect(&other, Depth::Facts), Detection::No);
    let refused = Opening::from_payloads(
        Transport::Tcp,
        &[b"\x16\x03\x01\x00\x05"],
        &[b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    );
    assert!(matches!(inspect(&refused, Depth::Facts), Detection::Yes(..)));
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
        assert_eq!(
            inspect(&Opening::from_payloads(Transport::Tcp, &[line.as_bytes()], &[]), Depth::Facts),
            Detection::No,
            "{line}"
        );
    }
}

#[test]
fn a_hostile_content_length_does_not_turn_the_reader_back() {
    let stated = facts(&[], &[b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx"]);
    assert_eq!(stated.len(), 3, "{stated:?}");
}

#[test]
fn only_bodies_that_are_text_are_stated() {
    for (field, stated) in [
        ("X-A: b", true),
        ("Content-Type: application/json; charset=utf-8", true),
        ("Content-Type: text/html", true),
        ("Content-Type: text/plain", false),
        ("Content-Type: image/png", false),
        ("Content-Encoding: br", false),
        ("Content-Encoding: gzip", false),
        ("Content-Encoding: identity", true),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 2\r\n\r\nhi");
        let all = facts(&[], &[response.as_bytes()]);
        assert_eq!(
            all.iter().any(|fact| fact.contains("http.response-body = hi")),
            stated,
            "{field}"
        );
    }
}

#[test]
fn requests_and_responses_are_paired_and_interim_answers_belong_to_the_next() {
    let opening = Opening::from_payloads(
        Transport::Tcp,
        &[b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"],
        &[b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
    );
    let Detection::Yes(Recognition { facts, .. }) = inspect(&opening, Depth::Facts) else {
        panic!()
    };
    let of = |name: &str| {
        facts
            .iter()
            .filter(|f| f.name.stem == name)
            .map(|f| (f.value.as_str(), f.exchange))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("http.target"), [("/a", 1), ("/b", 2)]);
    assert_eq!(of("http.status"), [("404", 1), ("100", 2), ("200", 2)]);
}

fn stated(opening: &Opening, name: &str) -> Vec<(String, u64, u32)> {
    let Detection::Yes(Recognition { facts, .. }) = inspect(opening, Depth::Facts) else {
        panic!("{:?}", inspect(opening, Depth::Facts))
    };
    facts
        .iter()
        .filter(|f| f.name.stem == name)
        .map(|f| (f.value.clone(), f.frame, f.exchange))
        .collect()
}

#[test]
fn a_chunked_body_is_put_together_and_each_part_knows_its_frame() {
    let head: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let opening = Opening::from_payloads(
        Transport::Tcp,
        &[],
        &[head, b"4\r\n<div", b"\r\n7\r\n id=roo\r\n", b"2\r\nt>\r\n0\r\n\r\n"],
    );
    let Detection::Yes(Recognition { facts, .. }) = inspect(&opening, Depth::Facts) else {
        panic!()
    };
    let body = facts.iter().find(|f| f.name.stem == "http.response-body").unwrap();
    assert_eq!(body.value, "<div id=root>");
    assert_eq!([0, 4, 10, 11].map(|at| body.frame_at(at)), [2, 3, 3, 4]);
}

#[test]
fn a_compressed_body_is_read() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"<title>tide</title>").unwrap();
    let packed = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let opening = Opening::from_payloads(Transport::Tcp, &[], &[head.as_bytes(), &packed]);
    assert_eq!(
        stated(&opening, "http.response-body"),
        [("<title>tide</title>".into(), 2, u32::MAX - 1)]
    );
}

#[test]
fn a_connection_that_is_joined_later_is_read_from_the_next_message_on() {
    let opening = Opening::from_segments(
        None,
        &[
            (1, 500, b"the rest of some body"),
            (0, 100, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"),
            (1, 521, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
            (0, 128, b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"),
            (1, 559, b"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\n\r\n"),
        ],
    );
    assert_eq!(stated(&opening, "http.target"), [("/a".into(), 2, 1), ("/b".into(), 4, 2)]);
    assert_eq!(stated(&opening, "http.status"), [("404".into(), 3, 1), ("200".into(), 5, 2)]);
}

#[test]
fn a_response_that_was_captured_before_its_request_answers_it() {
    let opening = Opening::from_segments(
        Some([100, 500]),
        &[
            (1, 500, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
            (0, 100, b"GET /a HTTP/1.1\r\n\r\n"),
        ],
    );
    assert_eq!(stated(&opening, "http.target"), [("/a".into(), 2, 1)]);
    assert_eq!(stated(&opening, "http.status"), [("404".into(), 1, 1)]);
}

#[test]
fn a_head_in_pieces_is_read_and_each_field_has_the_frame_where_it_begins() {
    let stated = facts(
        &[b"GE", b"T /a HT", b"TP/1.1\r", b"\nHost: x\r\n\r", b"\n"],
        &[b"HTTP/1.", b"1 200 OK\r\nX-Pow", b"ered-By: Exp", b"ress\r\nServer: it\r\n\r\n"],
    );
    assert_eq!(
        stated[..3],
        [
            "initiator http.method = GET @1",
            "initiator http.target = /a @1",
            "initiator http.request-header.host = x @4"
        ]
    );
    assert_eq!(
        stated[3..],
        [
            "responder http.status = 200 @6",
            "responder http.response-header.x-powered-by = Express @7",
            "responder http.response-header.server = it @9",
        ]
    );
}

#[test]
fn the_subprotocol_and_a_first_frame_in_the_same_segment_are_stated() {
    let stated = facts(
        &[b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n"],
        &[b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n\x81\x14{\"type\":", b"\"connected\"}"],
    );
    assert_eq!(
        stated[4..],
        [
            "responder http.status = 101 @2",
            "responder http.response-header.sec-websocket-protocol = vite-hmr @2",
            "responder websocket.text = {\"type\":\"connected\"} @2",
        ]
    );
}

#[test]
fn messages_behind_missing_bytes_are_read_and_paired_by_their_frames() {
    let opening = Opening::from_segments(
        Some([100, 500]),
        &[
            (0, 100, b"GET /a HTTP/1.1\r\n\r\n"),
            (1, 500, b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nsome"),
            (0, 119, b"GET /b HTTP/1.1\r\n\r\n"),
            // Beyond what is waited for.
            (1, 500_000_000, b"HTTP/1.1 500 No\r\nX-A: b\r\n\r\n"),
        ],
    );
    assert_eq!(stated(&opening, "http.status"), [("200".into(), 2, 1), ("500".into(), 4, 2)]);
}

#[test]
fn text_that_quotes_a_message_within_a_segment_begins_none() {
    let opening = Opening::from_segments(
        None,
        &[
            (0, 1, b"he said: GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (1, 1, b"and\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ],
    );
    assert_eq!(inspect(&opening, Depth::Facts), Detection::NeedMore);
}

#[test]
fn events_are_stated_by_their_lines() {
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let opening = Opening::from_payloads(
        Transport::Tcp,
        &[],
        &[head, b"e\r\nevent: sync\nda\r\n", b"7\r\nta: {}\n\r\n", b"2\r\n\n\n\r\n"],
    );
    let events: Vec<_> =
        stated(&opening, "http.event").into_iter().map(|(text, frame, _)| (text, frame)).collect();
    assert_eq!(events, [("event: sync".into(), 2), ("data: {}".into(), 2)]);
}

#[test]
fn an_upgrade_to_http_2_is_followed_and_a_refused_one_is_not() {
    let request: &[u8] = b"GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n";
    let accepted = Opening::from_payloads(
        Transport::Tcp,
        &[request, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"],
        &[b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88"],
    );
    assert_eq!(stated(&accepted, "http.status"), [("101".into(), 3, 1), ("200".into(), 3, 1)]);
    assert_eq!(stated(&accepted, "http2.preface").len(), 1);
    let refused = Opening::from_payloads(
        Transport::Tcp,
        &[request, b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"],
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n"],
    );
    assert_eq!(stated(&refused, "http.target"), [("/a".into(), 1, 1), ("/b".into(), 2, 2)]);
}

#[test]
fn what_follows_an_accepted_connect_is_no_body() {
    let opening = Opening::from_payloads(
        Transport::Tcp,
        &[b"CONNECT a:443 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\x05hello"],
        &[b"HTTP/1.1 200 OK\r\n\r\n", b"\x16\x03\x03\0\x05hello"],
    );
    assert_eq!(stated(&opening, "http.response-body"), []);
    assert_eq!(stated(&opening, "http.status"), [("200".into(), 3, 1)]);
}

#[test]
fn secrets_are_stated_by_their_shape() {
    let stated = facts(&[b"GET / HTTP/1.1\r\nAuthorization: Bearer private-k9\r\n\r\n"], &[]);
    assert_eq!(
        stated.last().unwrap(),
        "initiator http.request-header.authorization = Bearer private-x0 @1"
    );
}

#[test]
fn a_target_may_hold_spaces_behind_a_common_method_only() {
    let stated = facts(&[b"GET /x;cat /etc/passwd HTTP/1.1\r\n\r\n"], &[]);
    assert_eq!(stated[1], "initiator http.target = /x;cat /etc/passwd @1");
    assert_eq!(
        inspect(
            &Opening::from_payloads(Transport::Tcp, &[b"WE SPEAK OF HTTP/1.1\r\n\r\n"], &[]),
            Depth::Facts
        ),
        Detection::No
    );
}

#[test]
fn websocket_states_the_first_binary_length_and_compressed_texts_that_need_each_other() {
    use std::io::Write;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    let mut pack = |text: &[u8]| {
        let from = encoder.get_ref().len();
        encoder.write_all(text).unwrap();
        encoder.flush().unwrap();
        let packed = encoder.get_ref()[from..].to_vec();
        [&[0xc1, packed.len() as u8 - 4], &packed[..packed.len() - 4]].concat()
    };
    let frames =
        [&b"\x82\x03abc"[..], &pack(b"packed words"), b"\x82\x01x", &pack(b"packed words again")]
            .concat();
    let opening = Opening::from_payloads(
        Transport::Tcp,
        &[],
        &[b"HTTP/1.1 101 Switching Protocols\r\n\r\n", &frames],
    );
    let texts = |name| stated(&opening, name).into_iter().map(|fact| fact.0).collect::<Vec<_>>();
    assert_eq!(texts("websocket.binary"), ["3 bytes"]);
    assert_eq!(texts("websocket.text"), ["packed words", "packed words again"]);
}

#[test]
fn figures_for_prometheus_are_text_like_those_for_others() {
    for kind in ["text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 12\r\n\r\n# HELP tide \n"
        );
        let stated = facts(&[b"GET /metrics HTTP/1.1\r\n\r\n"], &[answer.as_bytes()]);
        assert_eq!(stated.last().unwrap(), "responder http.response-text = # HELP tide  @2");
    }
}
