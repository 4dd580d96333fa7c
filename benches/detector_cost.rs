//! What each detector costs on its worst input: `benches/detector_cost.py` counts the instructions.
//!
//! Without arguments: times every detector on every input of 8 KiB, and prints the worst ones of
//! each, a line `protocol transport input`. With such lines on standard input and `count` as the
//! argument: inspects each at 1, 2, 4 and 8 KiB, once, in the order of the lines.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use portlore::decode::Transport;
use portlore::detect::{DETECTORS, Detector};
use portlore::evidence::{Depth, Detection};
use portlore::flow::Opening;

/// Bytes of a side.
const SIZES: [usize; 4] = [1 << 10, 2 << 10, 4 << 10, 8 << 10];
/// Inputs of a detector that are counted.
const WORST: usize = 3;

/// What is repeated behind the beginning of a sample, or alone. Short messages, elements without
/// content, nesting, and text in which an end is looked for in vain.
const UNITS: &[&[u8]] = &[
    b"\0",
    b"\x01",
    b"\xff",
    b"a",
    b"0",
    b" ",
    b"\"",
    b"a ",
    b"\r\n",
    b"\n",
    b"\r",
    b"a\r\n",
    b"a: b\r\n",
    b"a:\n",
    b"a=b;",
    // Lines of FTP, SMTP, IMAP, POP3, Redis, memcached, NATS, watchout, iperf3.
    b"220-a\r\n",
    b"USER a\r\n",
    b"NOOP\r\n",
    b"* OK a\r\n",
    b"a1 NOOP\r\n",
    b"+OK\r\n",
    b"*1\r\n",
    b"*1\r\n$1\r\na\r\n",
    b"get a\r\n",
    b"STAT a b\r\n",
    b"PING\r\n",
    b"ping\r\n",
    b"run\r",
    // Messages of HTTP, SIP, RTSP; Server-Sent Events.
    b"GET / HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"GET / HTTP/1.1\r\na: b\r\n",
    b"OPTIONS sip:a SIP/2.0\r\nVia: a\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    b"data: a\n\n",
    b"1\r\na\r\n",
    // Markup, JSON, bencoding.
    b"<",
    b"<a>",
    b"<a/>",
    b"<!--",
    b"{",
    b"[",
    b"{\"a\":",
    b"l",
    b"d1:a",
    b"i1e",
    // BER: nested sequences, integers, octets.
    b"\x30\x80",
    b"\x30\x03\x02\x01\x01",
    b"\x02\x01\x01",
    b"\x04\0",
    // Telnet, OSC, SLIP, MQTT, TLS, HTTP/2, STUN, DNS.
    b"\xff\xfb\x01",
    b"\xff\xfa\x01\xff\xf0",
    b"/a\0\0",
    b"/a\0\0,\0\0\0",
    b"\0\0\0\x08/a\0\0,\0\0\0",
    b"\xc0",
    b"\xc0/a\0\0",
    b"#bundle\0\0\0\0\0\0\0\0\x01",
    b"\xc0\0",
    b"\x16\x03\x01\0\x01\x01",
    b"\x17\x03\x03\0\x01\0",
    b"\0\0\0\x04\0\0\0\0\0",
    b"\0\x06\0\0",
    b"\0\x01",
    b"\x01a",
    b"\x01a\xc0\x0c",
    b"\xc0\x0c",
    b"\0\0\x01\0\x01",
    // Lengths of two and four bytes, in either order, with little behind them.
    b"\0\x01a",
    b"\0\x02aa",
    b"\x01\0a",
    b"\0\0\0\x01a",
    b"\0\0\0\x05a",
    b"\x05\0\0\0a",
    b"S\0\0\0\x04",
    b"X\0\0\0\x04",
    b"\0\0\0\x08\0\0\0\0",
    b"\x10\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0",
    b"\x01\0\0\0\0",
    b"\x03\0\0\x07\x02\xf0\x80",
    b"\x68\x04\x07\0\0\0",
    b"\0\x01\0\0\0\x02\x01\x03",
    b"\x05\x64\x05\xc0\x01\0\0\x04\xe9\x21",
];

/// What is compressed, again and again, to [`INFLATED`] bytes in a body.
const COMPRESSED: &[&[u8]] = &[
    b"\xff",
    b"a",
    b"\xc3\xa4",
    b"a\xff",
    b"[",
    b"{\"a\":",
    b"{\"jsonrpc\":",
    b"[{\"object\":\"\"},",
    b"<",
    b"<a>",
];
const INFLATED: usize = 64 << 10;

/// [`UNITS`], and requests and responses with compressed bodies.
static ALL_UNITS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let bodies = COMPRESSED.iter().map(|unit| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let content: Vec<u8> = unit.iter().copied().cycle().take(INFLATED).collect();
        encoder.write_all(&content).and_then(|()| encoder.finish()).unwrap_or_default()
    });
    let messages = bodies.flat_map(|body| {
        ["POST / HTTP/1.1", "HTTP/1.1 200 OK"].map(|start| {
            let length = body.len();
            let head = format!(
                "{start}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
                 Content-Length: {length}\r\n\r\n"
            );
            [head.as_bytes(), &body].concat()
        })
    });
    UNITS.iter().map(|unit| unit.to_vec()).chain(messages).collect()
});

/// How an input is made of a sample and a unit.
#[derive(Clone, Copy)]
enum Form {
    /// The sample again and again.
    Sample,
    /// So many bytes of the sample's side, or all, then the unit again and again.
    Behind(usize),
}

const FORMS: [Form; 6] = [
    Form::Sample,
    Form::Behind(0),
    Form::Behind(1),
    Form::Behind(4),
    Form::Behind(12),
    Form::Behind(usize::MAX),
];

/// The number of an input of a detector: sample, form, unit, and which sides send it.
fn inputs(detector: &Detector) -> impl Iterator<Item = usize> + use<> {
    0..detector.samples.len() * FORMS.len() * ALL_UNITS.len() * 3
}

/// The opening of an input, with `size` bytes of each side; `None` where a smaller number is the
/// same input, or the sample has no such bytes.
fn opening(detector: &Detector, input: usize, size: usize) -> Option<Opening> {
    let (sides, input) = (input % 3, input / 3);
    let units = &ALL_UNITS;
    let (unit, input) = (&units[input % units.len()], input / units.len());
    let (form, sample) = (FORMS[input % FORMS.len()], &detector.samples[input / FORMS.len()]);
    let grown = |pieces: &[&[u8]]| -> Option<Vec<u8>> {
        let whole = pieces.concat();
        let bytes = match form {
            Form::Sample if whole.is_empty() || unit != &units[0] => return None,
            Form::Sample => whole.iter().copied().cycle().take(size).collect(),
            Form::Behind(kept) => {
                let kept = &whole[..kept.min(whole.len())];
                kept.iter().chain(unit.iter().cycle()).copied().take(size).collect()
            }
        };
        Some(bytes)
    };
    let (initiator, responder) = (grown(sample.initiator), grown(sample.responder));
    let sent = |of: usize, bytes: Option<Vec<u8>>| bytes.filter(|_| sides != 1 - of);
    let (initiator, responder) = (sent(0, initiator), sent(1, responder));
    if initiator.is_none() && responder.is_none() {
        return None;
    }
    // Four datagrams are read whole.
    let piece = if sample.transport == Transport::Udp { size / 4 } else { size };
    let cut = |bytes: &Option<Vec<u8>>| -> Vec<Vec<u8>> {
        bytes.iter().flat_map(|bytes| bytes.chunks(piece)).map(<[u8]>::to_vec).collect()
    };
    let (initiator, responder) = (cut(&initiator), cut(&responder));
    let [initiator, responder] =
        [&initiator, &responder].map(|side| side.iter().map(Vec::as_slice).collect::<Vec<_>>());
    Some(Opening::from_payloads(sample.transport, &initiator, &responder))
}

/// What the counts are of: one call of a detector.
#[inline(never)]
fn measured(detector: &Detector, opening: &Opening) -> Detection {
    (detector.inspect)(opening, Depth::Facts)
}

fn time(detector: &Detector, opening: &Opening) -> Duration {
    let once = || {
        let begin = Instant::now();
        black_box(measured(black_box(detector), black_box(opening)));
        begin.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

fn scan() {
    for (place, detector) in DETECTORS.iter().enumerate() {
        let mut worst: Vec<(Duration, usize)> = inputs(detector)
            .filter_map(|input| Some((input, opening(detector, input, SIZES[3])?)))
            .map(|(input, opening)| (time(detector, &opening), input))
            .collect();
        worst.sort_unstable_by(|a, b| b.cmp(a));
        for (duration, input) in worst.iter().take(WORST) {
            eprintln!("{:14} {input:6} {:9} ns", detector.protocol, duration.as_nanos());
            println!("{place} {input}");
        }
    }
}

fn count() {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let &[place, input] = &numbers[..] else { continue };
        let Some(detector) = DETECTORS.get(place) else { continue };
        for size in SIZES {
            let Some(opening) = opening(detector, input, size) else { continue };
            let bytes: usize = opening.sides().map(|(_, stream)| stream.bytes().len()).sum();
            black_box(measured(black_box(detector), black_box(&opening)));
            println!("{} {input} {size} {bytes}", detector.protocol);
        }
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "count") { count() } else { scan() }
}
