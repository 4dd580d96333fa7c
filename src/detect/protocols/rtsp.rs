//! RTSP 1.0 and 2.0 over TCP: RFC 2326 and RFC 7826, section 7; also that of `AirPlay`, whose
//! methods and targets (`GET /info RTSP/1.0`) no RFC has.
//!
//! The proof is the version in the start line. Between the messages a connection may carry RTP in
//! frames of their own (RFC 2326, section 10.12); where its beginning was not captured, three such
//! frames that follow each other exactly are required.

use memchr::memmem::find;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::headers::{
    FieldRoom, StartWords, field, is_status_code, read_fields, start_line_end, start_words,
};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine, lossy};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Messages of each side that are read at most.
const MESSAGES: usize = 32;
/// Bytes of a start line at most.
const START_LINE: usize = 2048;
/// Bytes of a method at most.
const METHOD: usize = 24;
const VERSION: &[u8] = b"RTSP/";
const VERSIONS: [&[u8]; 2] = [b"RTSP/1.0", b"RTSP/2.0"];
/// The byte before each frame between the messages: then a channel, and a length of two bytes.
const DOLLAR: u8 = b'$';
const FRAME: usize = 4;
/// Channels are given in pairs from 0, one pair for each stream.
const CHANNELS: u8 = 16;
/// Whole frames that prove a connection whose beginning was not captured.
const CHAINED: usize = 3;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Rtsp, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[
        b'A'..=b'Z', b'_'..=b'_', DOLLAR..=DOLLAR, b'\r'..=b'\r', b'\n'..=b'\n',
    ]))
    .facts(&[
        "rtsp.channel",
        "rtsp.method",
        "rtsp.server",
        "rtsp.status",
        "rtsp.url",
        "rtsp.user-agent",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"OPTIONS rtsp://192.0.2.1:554/cam RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: tide/1\r\n\r\n"],
            responder: &[b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: buoy/2\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n$\0\0\x0c\x80\x60\0\x01\0\0\0\x01\0\0\0\x07"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"ANNOUNCE rtsp://192.0.2.1/3413821438 RTSP/1.0\r\nCSeq: 3\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"],
            responder: &[b"RTSP/1.0 453 Not Enough Bandwidth\r\nServer: AirTunes/366.0\r\nCSeq: 3\r\n\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"GET /info RTSP/1.0\r\nCSeq: 0\r\n\r\n"],
            responder: &[],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"RTSP/2.0 400 Bad Request\r\n\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut asked = Vec::new();
    combine(Protocol::Rtsp, opening, depth, |statement| side(statement, &mut asked))
}

/// Judges a side; `asked` has the sequence numbers of the requests that were read before.
fn side(statement: &mut Statement<'_>, asked: &mut Vec<u32>) -> Side {
    let bytes = statement.stream.head();
    let mut at = 0;
    let mut judgement = Side::Perhaps;
    for n in 0..MESSAGES {
        at += line_ends(bytes.get(at..).unwrap_or(&[]));
        let rest = bytes.get(at..).unwrap_or(&[]);
        if rest.first() == Some(&DOLLAR) {
            if n > 0 {
                match frames(rest).end {
                    Some(end) => at += end,
                    None => return judgement,
                }
            } else if statement.stream.from_start() {
                return Side::Other;
            } else {
                return running(statement, rest, at);
            }
        }
        let rest = bytes.get(at..).unwrap_or(&[]);
        if rest.is_empty() {
            break;
        }
        match message(statement, rest, at, asked) {
            (Side::Matches, None) => return Side::Matches,
            (Side::Matches, Some(len)) => {
                judgement = Side::Matches;
                at += len;
            }
            // A later message does not undo a proof.
            (side, _) => return if judgement == Side::Matches { judgement } else { side },
        }
    }
    judgement
}

/// Line ends at the beginning, which may stand between messages.
fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Frames that follow each other.
struct InterleavedFrames {
    /// Whole frames that begin as RTP and RTCP do: with version 2.
    media: usize,
    /// The offset of the byte behind the last frame; `None` where that frame is not whole.
    end: Option<usize>,
    /// Every frame fits.
    fits: bool,
}

fn frames(bytes: &[u8]) -> InterleavedFrames {
    let mut seen = InterleavedFrames { media: 0, end: Some(0), fits: true };
    let mut at = 0;
    while let [DOLLAR, rest @ ..] = bytes.get(at..).unwrap_or(&[]) {
        let ([channel, high, low, content @ ..], true) = (rest, seen.fits) else {
            seen.end = None;
            break;
        };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        seen.fits = *channel < CHANNELS && content.first().is_none_or(|first| first >> 6 == 2);
        at += FRAME + len;
        if content.len() < len {
            seen.end = None;
            break;
        }
        seen.media += usize::from(seen.fits && len > 0);
        seen.end = Some(at);
    }
    seen
}

/// Judges a side that begins with frames: its beginning was not captured.
fn running(statement: &mut Statement<'_>, bytes: &[u8], offset: usize) -> Side {
    let InterleavedFrames { media, end, fits } = frames(bytes);
    // Behind the frames a message may follow.
    let behind = end.and_then(|end| bytes.get(end..)).unwrap_or(&[]);
    let ends_well = behind.is_empty() || may_begin(behind) || behind.starts_with(VERSION);
    match () {
        () if !fits || !ends_well => Side::Other,
        () if media >= CHAINED => {
            let channel = bytes.get(1).copied().unwrap_or_default();
            statement.fact("rtsp.channel", channel.to_string().as_bytes(), offset);
            Side::Matches
        }
        () => Side::Perhaps,
    }
}

/// Judges a message and states its facts; returns its length where that is known.
fn message(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    offset: usize,
    asked: &mut Vec<u32>,
) -> (Side, Option<usize>) {
    let Some(end) = start_line_end(bytes, START_LINE) else {
        let fits = bytes.len() < START_LINE && may_begin(bytes);
        return (if fits { Side::Perhaps } else { Side::Other }, None);
    };
    let line = bytes[..end].trim_ascii_end();
    let Some(StartWords { first, second, rest }) = start_words(line) else {
        return (Side::Other, None);
    };
    let is_status = VERSIONS.contains(&first) && is_status_code(second);
    let is_request = rest.is_some_and(|version| VERSIONS.contains(&version)) && is_method(first);
    if !is_status && !is_request {
        return (Side::Other, None);
    }
    let behind = &bytes[end + 1..];
    let head_end = if let [b'\r', b'\n', ..] = behind {
        Some(2)
    } else {
        find(behind, b"\r\n\r\n").map(|i| i + 4).or_else(|| find(behind, b"\n\n").map(|i| i + 2))
    };
    let head = &behind[..head_end.unwrap_or(behind.len())];
    let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
    // A field that is damaged takes the facts with it, not the protocol.
    let fields = read_fields(head, head_end.is_some(), &mut room, &mut scratch)
        .map_or(&[][..], |(_, fields)| fields);
    let number = |name| {
        field(fields, name).and_then(|value| std::str::from_utf8(value).ok()?.parse::<u32>().ok())
    };
    let cseq = number("cseq");
    let length = number("content-length").unwrap_or(0) as usize;
    if is_request {
        statement.role(Role::Client);
        asked.push(cseq.unwrap_or(0));
        statement.exchange = asked.len() as u32;
        statement.fact("rtsp.method", first, offset);
        let url_at = first.len() + 1;
        statement.fact("rtsp.url", &without_credentials(second), offset + url_at);
    } else {
        statement.role(Role::Server);
        let place = cseq.and_then(|cseq| asked.iter().position(|&known| known == cseq));
        statement.exchange = place.map_or(0, |place| place as u32 + 1);
        statement.fact("rtsp.status", second, offset);
        match second {
            // A 401 or 407 asks for credentials (RFC 2326, section 11.3; RFC 7826, section 17.4).
            [b'1' | b'3', ..] | b"401" | b"407" => {}
            [b'2', ..] => statement.answers.succeeded(),
            _ => statement.failed(&format!("RTSP {}", lossy(second)), offset),
        }
    }
    for (name, header) in [("rtsp.user-agent", "user-agent"), ("rtsp.server", "server")] {
        if let Some(value) = field(fields, header) {
            statement.fact(name, value, offset);
        }
    }
    (Side::Matches, head_end.and_then(|len| (end + 1 + len).checked_add(length)))
}

/// A URL without the name and password that cameras' clients put before the host.
fn without_credentials(url: &[u8]) -> Vec<u8> {
    let Some(host) = find(url, b"://").map(|at| at + 3) else { return url.to_vec() };
    let authority = url[host..].iter().take_while(|&&byte| byte != b'/').count();
    match memchr::memrchr(b'@', &url[host..host + authority]) {
        Some(at) => [&url[..host], b"***", &url[host + at..]].concat(),
        None => url.to_vec(),
    }
}

/// Whether the bytes, which have no line end, can be the beginning of a start line.
fn may_begin(bytes: &[u8]) -> bool {
    if bytes.iter().zip(VERSION).all(|(a, b)| a == b) {
        return true;
    }
    let method = bytes.iter().take_while(|byte| is_method(&[**byte])).count();
    let rest = bytes.get(method..).unwrap_or(&[]);
    (1..=METHOD).contains(&method)
        && (rest.is_empty() || rest[0] == b' ' && rest.iter().all(|&b| b >= b' ' || b == b'\r'))
}

/// Whether a word may be a method: `AirPlay` has some that no RFC has.
fn is_method(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    !word.is_empty() && word.len() <= METHOD && word.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Fact, Recognition};

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    fn facts(detection: Detection) -> Vec<Fact> {
        match detection {
            Detection::Yes(Recognition { facts, .. }) => facts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_and_its_response_are_one_exchange_by_their_sequence_number() {
        let client: &[u8] = b"DESCRIBE rtsp://a/x RTSP/1.0\r\nCSeq: 2\r\n\r\nSETUP rtsp://a/x/1 RTSP/1.0\r\nCSeq: 3\r\n\r\n";
        let server: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\nRTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nContent-Length: 2\r\n\r\nno";
        let stated = facts(detect(&[client], &[server]));
        let of = |name: &str| -> Vec<_> {
            let named = stated.iter().filter(|fact| fact.name.stem == name);
            named.map(|fact| (fact.value.as_str(), fact.exchange)).collect()
        };
        assert_eq!(of("rtsp.method"), [("DESCRIBE", 1), ("SETUP", 2)]);
        assert_eq!(of("rtsp.status"), [("200", 2), ("401", 1)]);
    }

    #[test]
    fn messages_behind_interleaved_media_are_read() {
        let media: &[u8] = b"$\0\0\x04\x80\x60\0\x01$\x01\0\x04\x80\xc8\0\0";
        let answer: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
        let stated = facts(detect(&[], &[&[answer, media, answer].concat()]));
        assert_eq!(stated.len(), 2);
    }

    #[test]
    fn a_running_connection_is_known_by_three_frames_of_media() {
        let frame: &[u8] = b"$\0\0\x04\x80\x60\0\x01";
        let later = |bytes: &[u8]| {
            let mut opening = Opening::new(Transport::Tcp);
            opening.push_for_test(bytes);
            inspect(&opening, Depth::Facts)
        };
        assert_eq!(later(&frame.repeat(2)), Detection::NeedMore);
        assert_eq!(facts(later(&frame.repeat(3)))[0].value, "0");
        assert_eq!(facts(later(&[&frame.repeat(3), &frame[..6]].concat())).len(), 1);
        assert_eq!(later(&[&frame.repeat(3), &b"\0\x01"[..]].concat()), Detection::No);
        // Redis' bulk strings begin with the same byte.
        assert_eq!(later(b"$5\r\nhello\r\n$5\r\nworld\r\n"), Detection::No);
        assert_eq!(detect(&[&frame.repeat(3)], &[]), Detection::No, "from its beginning");
    }

    #[test]
    fn the_name_and_password_in_a_url_are_not_stated() {
        let stated =
            facts(detect(&[b"PLAY rtsp://ad:m@in@a/x@y RTSP/1.0\r\nCSeq: 1\r\n\r\n"], &[]));
        assert_eq!(stated[1].value, "rtsp://***@a/x@y");
    }

    #[test]
    fn http_sip_and_talk_about_rtsp_are_not_rtsp() {
        for bytes in [
            &b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n",
            b"GET rtsp://a/x HTTP/1.0\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n",
            b"HTTP/1.1 400 RTSP/1.0\r\n\r\n",
            b"RTSP/1.0\r\n",
            b"RTSP/3.0 200 OK\r\n",
            b"SEE RTSP/1.0\r\n",
            b"let us speak RTSP/1.0\r\n",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No, "{}", bytes.escape_ascii());
            assert_eq!(detect(&[], &[bytes]), Detection::No, "{}", bytes.escape_ascii());
        }
        let request: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
        assert_eq!(detect(&[request], &[b"HTTP/1.1 400 Bad Request\r\n\r\n"]), Detection::No);
    }
}
