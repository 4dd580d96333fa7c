//! captures KIND FILE [FRAMES [FLOWS]]: writes a generated capture, the same in every run, for
//! measurements of whole runs.
//!
//! | kind | what | frames, flows by default |
//! |---|---|---|
//! | `small` | frames of 64 bytes | 10 M, 100 k |
//! | `many` | short frames of flows that come, are seen again after a while, and stay | 5 M, 2 M |
//! | `full` | frames of 1,514 bytes | 700 k, 1 k |
//! | `flood` | a SYN of another flow in every frame | 10 M, 10 M |
//! | `scan` | one host that tries every TCP port of another, which refuses | 131,072, 65,536 |
#![allow(clippy::unwrap_used, reason = "an input that cannot be made ends the run")]

use std::fs::File;
use std::io::{self, BufWriter, Write};

/// Ports, whether they are TCP, and the first payload of the services that the flows use.
const SERVICES: [(u16, bool, &[u8]); 8] = [
    (443, true, b"\x17\x03\x03\x04\x00\x9a\x81\x22\x10\x5c"),
    (3001, true, b"GET /index.js HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        53,
        false,
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x03com\x00\x00\x01\x00\x01",
    ),
    (22, true, b"SSH-2.0-OpenSSH_9.2\r\n"),
    (8000, false, b"/eos/ping\0\0\0,\0\0\0"),
    (6379, true, b"*1\r\n$4\r\nPING\r\n"),
    (3002, true, b"\x00\x01\x02\x03\x04\x05\x06\x07"),
    (51820, false, b"\x04\x00\x00\x00\x31\x32\x33\x34"),
];
const SYN: u8 = 0x02;
const RST_ACK: u8 = 0x14;
const PSH_ACK: u8 = 0x18;
const SYN_ACK: u8 = 0x12;
/// Microseconds since 1970 at the first frame.
const BEGIN: u64 = 1_700_000_000_000_000;

/// Xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(end)) >> 64) as u64
    }
}

/// The content of a frame.
struct Content<'a> {
    addresses: [[u8; 4]; 2],
    ports: [u16; 2],
    /// Flags and sequence number; `None` for UDP.
    tcp: Option<(u8, u32)>,
    payload: &'a [u8],
}

/// A capture file that is being written.
struct Capture {
    out: BufWriter<File>,
    frame: Vec<u8>,
    time: u64,
}

impl Capture {
    fn create(path: &str) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        // Magic, version 2.4, zone, accuracy, snap length, Ethernet.
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x0004_0000, 1_u32] {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, frame: Vec::new(), time: BEGIN })
    }

    /// Writes a frame of `len` bytes, `after` microseconds after the one before.
    fn write(&mut self, after: u64, content: &Content<'_>, len: usize) -> io::Result<()> {
        self.time += after;
        let frame = &mut self.frame;
        frame.clear();
        frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00]);
        let total = (len - 14) as u16;
        let protocol = if content.tcp.is_some() { 6 } else { 17 };
        frame.extend([0x45, 0]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        content.addresses.iter().for_each(|address| frame.extend(address));
        content.ports.iter().for_each(|port| frame.extend(port.to_be_bytes()));
        if let Some((flags, seq)) = content.tcp {
            frame.extend(seq.to_be_bytes());
            frame.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        } else {
            frame.extend((total - 20).to_be_bytes());
            frame.extend([0, 0]);
        }
        let rest = len - frame.len();
        frame.extend(content.payload.iter().take(rest));
        frame.resize(len, 0x2e);
        let (seconds, micros) = ((self.time / 1_000_000) as u32, (self.time % 1_000_000) as u32);
        for word in [seconds, micros, len as u32, len as u32] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(frame)
    }
}

/// The next frame of a conversation: the number of its frames so far decides who sends, and what.
fn converse(
    capture: &mut Capture,
    flow: u64,
    before: u32,
    after: u64,
    len: usize,
) -> io::Result<()> {
    let (port, is_tcp, payload) = SERVICES[(flow % SERVICES.len() as u64) as usize];
    let client =
        ([10, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8], 32_768 + (flow >> 24) as u16);
    let server = ([198, 18, (flow >> 5) as u8 & 31, (flow >> 10) as u8], port);
    let (flags, seq) = match before {
        0 => (SYN, 0),
        1 => (SYN_ACK, 0),
        n => (PSH_ACK, 1 + (n - 2) / 2 * (len as u32 - 54)),
    };
    let by_client = before.is_multiple_of(2);
    let (from, to) = if by_client { (client, server) } else { (server, client) };
    let tcp = is_tcp.then_some((flags, seq));
    let (payload, len) = if is_tcp && before < 2 { (&[][..], 54) } else { (payload, len) };
    capture.write(
        after,
        &Content { addresses: [from.0, to.0], ports: [from.1, to.1], tcp, payload },
        len,
    )
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, path, numbers @ ..] = &arguments[..] else {
        return Err(io::Error::other("captures KIND FILE [FRAMES [FLOWS]]"));
    };
    let number = |at: usize, default: u64| {
        numbers.get(at).map_or(default, |text| text.replace('_', "").parse().unwrap())
    };
    let mut capture = Capture::create(path)?;
    let mut random = Random(0x1234_5678_8765_4321);
    match kind.as_str() {
        "small" | "full" => {
            let (frames, flows, len) =
                if kind == "small" { (10_000_000, 100_000, 64) } else { (700_000, 1_000, 1_514) };
            let (frames, flows) = (number(0, frames), number(1, flows));
            let mut seen = vec![0; flows as usize];
            for _ in 0..frames {
                let flow = random.below(flows);
                converse(&mut capture, flow, seen[flow as usize], 1, len)?;
                seen[flow as usize] += 1;
            }
        }
        "many" => {
            let (frames, flows) = (number(0, 5_000_000), number(1, 2_000_000));
            let mut seen = vec![0; flows as usize];
            for n in 0..frames {
                // Flows begin evenly; every other frame belongs to one of those that have begun.
                let (there, due) = (n * flows / frames, (n + 1) * flows / frames);
                let flow = if due > there || there == 0 { there } else { random.below(there) };
                let len = 80 + 16 * random.below(6) as usize;
                converse(&mut capture, flow, seen[flow as usize], 2, len)?;
                seen[flow as usize] += 1;
            }
        }
        "flood" => {
            for flow in 0..number(0, 10_000_000) {
                let client = [
                    random.below(224) as u8,
                    random.below(256) as u8,
                    (flow >> 8) as u8,
                    flow as u8,
                ];
                let ports = [1_024 + (flow % 60_000) as u16, 3001];
                let content = Content {
                    addresses: [client, [198, 18, 0, 1]],
                    ports,
                    tcp: Some((SYN, flow as u32)),
                    payload: &[],
                };
                capture.write(1, &content, 54)?;
            }
        }
        "scan" => {
            let (a, b) = ([198, 18, 0, 2], [198, 18, 0, 1]);
            for port in 0..=u16::MAX {
                let content = Content {
                    addresses: [a, b],
                    ports: [44_444, port],
                    tcp: Some((SYN, 7)),
                    payload: &[],
                };
                capture.write(10, &content, 54)?;
                let content = Content {
                    addresses: [b, a],
                    ports: [port, 44_444],
                    tcp: Some((RST_ACK, 0)),
                    payload: &[],
                };
                capture.write(5, &content, 54)?;
            }
        }
        other => {
            return Err(io::Error::other(format!(
                "{other}: no such kind; there are small, many, full, flood and scan"
            )));
        }
    }
    capture.out.flush()
}
