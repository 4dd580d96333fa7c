//! Deterministic traffic: frames of several link layers, and a capture file of many interleaved
//! conversations.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use tempfile::TempDir;

/// Frames of the capture file.
pub const FRAMES: u64 = 200_000;
/// Conversations in the capture file.
const FLOWS: usize = 2_000;

/// TCP flags.
pub const SYN: u8 = 0x02;
pub const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

const REQUEST: &[u8] = b"GET /assets/index.js?v=3 HTTP/1.1\r\nHost: localhost:3000\r\nConnection: keep-alive\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n\
    Referer: http://localhost:3000/\r\nCookie: session=0123456789abcdef\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nX-Powered-By: Next.js\r\nCache-Control: no-store, must-revalidate\r\n\
    Content-Type: application/javascript; charset=UTF-8\r\nContent-Length: 900000\r\nVary: Accept-Encoding\r\n\r\n\
    export default function page() { return null }\n";
const OSC: &[u8] = b"/eos/ping\0\0\0,\0\0\0";

/// Xorshift64: the same numbers in every run.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 16) % end as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// A TCP header without options before its payload.
pub fn tcp(ports: (u16, u16), seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    bytes.extend(seq.to_be_bytes());
    bytes.extend([0, 0, 0, 1, 5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// A UDP header before its payload.
pub fn udp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// An IPv4 header before `carried`; `protocol` is 6 for TCP, 17 for UDP.
pub fn ipv4(addresses: (u32, u32), protocol: u8, carried: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + carried.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    bytes.extend(addresses.0.to_be_bytes());
    bytes.extend(addresses.1.to_be_bytes());
    bytes.extend(carried);
    bytes
}

/// An IPv6 header before `carried`.
pub fn ipv6(addresses: (u128, u128), next: u8, carried: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((carried.len() as u16).to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend(addresses.0.to_be_bytes());
    bytes.extend(addresses.1.to_be_bytes());
    bytes.extend(carried);
    bytes
}

/// An Ethernet header, with VLAN tags behind the addresses, before `packet`.
pub fn ethernet(tags: &[u16], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for tag in tags {
        bytes.extend([0x81, 0x00]);
        bytes.extend(tag.to_be_bytes());
    }
    bytes.extend(ether_type.to_be_bytes());
    bytes.extend(packet);
    bytes
}

/// A Linux cooked header of the second version before `packet`.
pub fn sll2(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut bytes = ether_type.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
    bytes.extend(packet);
    bytes
}

/// A capture file in a temporary folder, which is removed with this value.
pub struct Capture {
    pub path: PathBuf,
    _folder: TempDir,
}

impl Capture {
    /// Writes [`FRAMES`] frames of [`FLOWS`] conversations: HTTP, OSC over UDP, unknown bytes over
    /// TCP.
    pub fn make() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("traffic.pcap");
        let mut file = BufWriter::new(File::create(&path).unwrap());
        // Nanoseconds, version 2.4, snap length 65,535, Ethernet.
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            file.write_all(&word.to_le_bytes()).unwrap();
        }
        let mut random = Random::new(7);
        let noise = random.bytes(1_460);
        let mut flows: Vec<_> = (0..FLOWS).map(Conversation::new).collect();
        let mut turns: Vec<_> = (0..FRAMES as usize).map(|i| i % FLOWS).collect();
        random.shuffle(&mut turns);
        for (number, flow) in turns.into_iter().enumerate() {
            let frame = flows[flow].frame(&noise[..64 + random.below(noise.len() - 64)]);
            let len = frame.len() as u32;
            // A frame every four microseconds.
            let (second, nano) = (number / 250_000, number % 250_000 * 4_000);
            for word in [1_700_000_000 + second as u32, nano as u32, len, len] {
                file.write_all(&word.to_le_bytes()).unwrap();
            }
            file.write_all(&frame).unwrap();
        }
        file.flush().unwrap();
        Self { path, _folder: folder }
    }
}

/// A conversation and its progress.
struct Conversation {
    number: usize,
    step: usize,
    /// The next sequence number of the initiator and of the responder.
    seq: [u32; 2],
}

impl Conversation {
    const fn new(number: usize) -> Self {
        Self { number, step: 0, seq: [1_000, 5_000] }
    }

    /// The next frame; `data` is the payload after the first frames.
    fn frame(&mut self, data: &[u8]) -> Vec<u8> {
        let step = self.step;
        self.step += 1;
        let client = 0x0a00_0000 + self.number as u32;
        let server = 0x0a80_0000 + self.number as u32 % 50;
        let client_port = 32_768 + self.number as u16;
        let kind = self.number % 4;
        if kind == 3 {
            let by = step % 2;
            let (addresses, ports) = sides(by, (client, server), (client_port, 8_000));
            return ethernet(&[], 0x0800, &ipv4(addresses, 17, &udp(ports, OSC)));
        }
        let port = [3_000, 3_001, 3_002][kind];
        let (hello, answer): (&[u8], &[u8]) =
            if kind < 2 { (REQUEST, RESPONSE) } else { (data, data) };
        let last = FRAMES as usize / FLOWS - 1;
        let (by, flags, said): (usize, u8, &[u8]) = match step {
            0 => (0, SYN, &[]),
            1 => (1, SYN | ACK, &[]),
            2 => (0, ACK, &[]),
            3 => (0, ACK, hello),
            4 => (1, ACK, answer),
            // The responder sends most of the payload, and the initiator acknowledges.
            _ if step < last - 1 => {
                if step.is_multiple_of(3) {
                    (0, ACK, &[])
                } else {
                    (1, ACK, data)
                }
            }
            _ => (last - step.min(last), FIN | ACK, &[]),
        };
        let seq = self.seq[by];
        self.seq[by] = seq.wrapping_add(said.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        let (addresses, ports) = sides(by, (client, server), (client_port, port));
        ethernet(&[], 0x0800, &ipv4(addresses, 6, &tcp(ports, seq, flags, said)))
    }
}

/// Sender and receiver of a frame from the initiator (0) or the responder (1).
const fn sides(by: usize, addresses: (u32, u32), ports: (u16, u16)) -> ((u32, u32), (u16, u16)) {
    if by == 0 { (addresses, ports) } else { ((addresses.1, addresses.0), (ports.1, ports.0)) }
}
