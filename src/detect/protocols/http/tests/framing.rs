//! What the framing makes a body is never read as a message (RFC 9112, section 6.3).

use super::*;
use crate::evidence::Recognition;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
/// A body that anybody may write, which looks like a response.
const FORGED: &str = "HTTP/1.0 200 OK\r\nServer: Forged\r\nX-Powered-By: Forged\r\n\r\nforged";
/// A body that looks like a request.
const FORGED_REQUEST: &str = "GET /forged HTTP/1.1\r\nX-Forged: forged\r\n\r\n";

/// The statuses and targets, which no forged message adds to.
fn heads(opening: &Opening) -> Vec<String> {
    let Detection::Yes(Recognition { facts, .. }) = inspect(opening, Depth::Facts) else {
        panic!("{:?}", inspect(opening, Depth::Facts))
    };
    let is_head = |stem: &str| !stem.ends_with("-body") && !stem.ends_with("-text");
    for fact in facts.iter().filter(|fact| is_head(fact.name.stem)) {
        assert!(!fact.value.to_lowercase().contains("forged"), "{fact:?}");
    }
    let stems = ["http.status", "http.target"];
    facts.iter().filter(|f| stems.contains(&f.name.stem)).map(|f| f.value.clone()).collect()
}

fn exchange(initiator: &[&[u8]], responder: &[&[u8]]) -> Vec<String> {
    heads(&Opening::from_payloads(Transport::Tcp, initiator, responder))
}

fn response(fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nServer: nginx\r\n{fields}\r\n{body}").into_bytes()
}

fn with_length(body: &str) -> Vec<u8> {
    response(&format!("Content-Length: {}\r\n", body.len()), body)
}

fn chunked(body: &str) -> Vec<u8> {
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    response("Transfer-Encoding: chunked\r\n", &chunks)
}

const NEXT: &[u8] = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_body_that_looks_like_a_head_is_a_body() {
    for answer in [with_length(FORGED), chunked(FORGED)] {
        let next = [&answer, NEXT].concat();
        assert_eq!(exchange(&[GET, GET], &[&next]), ["/", "/", "200", "404"]);
        // Each in segments of its own, as servers send them.
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let pieces = [&answer[..head], &answer[head..], NEXT];
        assert_eq!(exchange(&[GET, GET], &pieces), ["/", "/", "200", "404"]);
        // Without the requests, and joined behind the handshake.
        assert_eq!(exchange(&[], &pieces), ["200", "404"]);
        let mut seq = 1;
        let segments = pieces.map(|piece| {
            let segment = (1, seq, piece);
            seq += piece.len() as u32;
            segment
        });
        assert_eq!(heads(&Opening::from_segments(None, &segments)), ["200", "404"]);
    }
}

#[test]
fn a_body_until_the_connection_ends_yields_no_other_head() {
    for fields in [
        "",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        // Damaged framing: what follows cannot be told from the body.
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: no\r\n",
    ] {
        for body in [FORGED.to_owned(), format!("12345{FORGED}"), format!("123456{FORGED}")] {
            let answer = response(fields, &body);
            assert_eq!(exchange(&[GET, GET], &[&answer, NEXT]), ["/", "/", "200"], "{fields}");
            // Not even behind missing bytes.
            let joined = [(1, 1, &answer[..]), (1, 1_000_000_000, FORGED.as_bytes())];
            for first in [None, Some([1, 1])] {
                assert_eq!(heads(&Opening::from_segments(first, &joined)), ["200"], "{fields}");
            }
        }
    }
}

#[test]
fn a_damaged_chunk_ends_the_reading() {
    for chunks in ["+2\r\nhi\r\n0\r\n\r\n", "zz\r\n", "2\r\nhi0\r\n\r\n\r\n", &"0".repeat(70)] {
        let answer = response("Transfer-Encoding: chunked\r\n", &format!("{chunks}{FORGED}"));
        let segments = [(1, 1, &answer[..]), (1, 1 + answer.len() as u32, FORGED.as_bytes())];
        assert_eq!(heads(&Opening::from_segments(None, &segments)), ["200"], "{chunks}");
    }
}

#[test]
fn the_length_may_be_stated_twice_and_chunks_win_over_it() {
    let twice = response("Content-Length: 2, 2\r\nContent-Length: 2\r\n", "hi");
    assert_eq!(exchange(&[GET, GET], &[&twice, NEXT]), ["/", "/", "200", "404"]);
    let both = response(
        "Content-Length: 3\r\nTransfer-Encoding: gzip, Chunked\r\n",
        &format!("{:x}\r\n{FORGED}\r\n0\r\n\r\n", FORGED.len()),
    );
    assert_eq!(exchange(&[GET, GET], &[&both, NEXT]), ["/", "/", "200", "404"]);
}

#[test]
fn a_body_in_which_bytes_are_missing_is_a_body_as_far_as_it_goes() {
    let body = format!("{}{FORGED}{}", "x".repeat(3000), "y".repeat(2000));
    let answer = with_length(&body);
    let at = answer.len() - 2000 - FORGED.len();
    for first in [None, Some([1, 1])] {
        let segments = [
            (0, 1, GET),
            (1, 1, &answer[..1000]),
            // The forged head begins a segment behind lost bytes.
            (1, 1 + at as u32, &answer[at..at + FORGED.len() + 100]),
            // More is lost, in the body and behind it.
            (1, 1 + answer.len() as u32 - 500, &answer[answer.len() - 500..]),
            (1, 1 + answer.len() as u32, NEXT),
        ];
        assert_eq!(heads(&Opening::from_segments(first, &segments)), ["/", "200", "404"]);
    }
    // Of a chunk, too.
    let answer = chunked(&body);
    let at = answer.len() - 2000 - FORGED.len() - 7;
    assert!(answer[at..].starts_with(FORGED.as_bytes()));
    let segments = [(1, 1, &answer[..1000]), (1, 1 + at as u32, &answer[at..])];
    assert_eq!(heads(&Opening::from_segments(Some([1, 1]), &segments)), ["200"]);
}

#[test]
fn the_body_of_a_request_is_no_request() {
    let len = FORGED_REQUEST.len();
    for request in [
        format!("POST /a HTTP/1.1\r\nContent-Length: {len}\r\n\r\n{FORGED_REQUEST}"),
        format!(
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{len:x}\r\n{FORGED_REQUEST}\r\n0\r\n\r\n"
        ),
        // A change of the protocol comes after the body.
        format!(
            "POST /a HTTP/1.1\r\nUpgrade: websocket\r\nContent-Length: {len}\r\n\r\n{FORGED_REQUEST}"
        ),
    ] {
        let pipelined = [request.as_bytes(), GET].concat();
        assert_eq!(exchange(&[&pipelined], &[]), ["/a", "/"]);
        let body = request.find("\r\n\r\n").unwrap() + 4;
        let pieces = [&request.as_bytes()[..body], &request.as_bytes()[body..], GET];
        assert_eq!(exchange(&pieces, &[NEXT]), ["/a", "/", "404"]);
    }
    let frames =
        b"POST /a HTTP/1.1\r\nUpgrade: websocket\r\nContent-Length: 8\r\n\r\n\x81\x06forged";
    assert_eq!(exchange(&[frames, GET], &[NEXT]), ["/a", "/", "404"]);
}

#[test]
fn only_the_response_to_head_has_no_body() {
    let head: &[u8] = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n";
    let bare = response(&format!("Content-Length: {}\r\n", FORGED.len()), "");
    let full = with_length(FORGED);
    // Pipelined, in both orders.
    let (both, answers) = ([head, GET].concat(), [&bare[..], &full, NEXT].concat());
    assert_eq!(exchange(&[&both], &[&answers]), ["/", "/", "200", "200", "404"]);
    let (both, answers) = ([GET, head].concat(), [&full[..], &bare, NEXT].concat());
    assert_eq!(exchange(&[&both], &[&answers]), ["/", "/", "200", "200", "404"]);
    // Where it is not known which request is answered, a body behind its head is a body.
    let segments = [(0, 1, &both[..]), (1, 1, &full[..]), (1, 1 + full.len() as u32, NEXT)];
    assert_eq!(heads(&Opening::from_segments(None, &segments)), ["/", "/", "200", "404"]);
}

#[test]
fn responses_that_never_have_a_body_state_what_length_they_like() {
    for status in ["204 No Content", "304 Not Modified", "100 Continue", "103 Early Hints"] {
        let bare = format!("HTTP/1.1 {status}\r\nContent-Length: 500\r\n\r\n");
        let heads = exchange(&[GET, GET], &[bare.as_bytes(), &with_length(FORGED), NEXT]);
        assert_eq!(heads, ["/", "/", &status[..3], "200", "404"]);
    }
}

#[test]
fn nothing_in_a_tunnel_is_a_message() {
    let connect: &[u8] = b"CONNECT a:80 HTTP/1.1\r\n\r\n";
    let accepted: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let tunnelled = [accepted, FORGED.as_bytes()];
    assert_eq!(exchange(&[connect, FORGED_REQUEST.as_bytes()], &tunnelled), ["a:80", "200"]);
    // A refusal has a body like any other response.
    let refused = format!("HTTP/1.1 407 No\r\nContent-Length: {}\r\n\r\n{FORGED}", FORGED.len());
    let answers = [refused.as_bytes(), NEXT].concat();
    assert_eq!(exchange(&[connect], &[&answers]), ["a:80", "407", "404"]);
}

#[test]
fn nothing_behind_an_upgrade_is_a_message() {
    let request: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: other\r\n\r\n";
    let switched: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n";
    let initiator = [request, FORGED_REQUEST.as_bytes()];
    let responder = [switched, FORGED.as_bytes()];
    assert_eq!(exchange(&initiator, &responder), ["/ws", "101"]);
    // Nor behind bytes that are missing there.
    let segments = [
        (0, 1, request),
        (1, 1, switched),
        (0, 500_000_000, FORGED_REQUEST.as_bytes()),
        (1, 500_000_000, FORGED.as_bytes()),
    ];
    assert_eq!(heads(&Opening::from_segments(Some([1, 1]), &segments)), ["/ws", "101"]);
}
