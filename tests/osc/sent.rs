//! A second opinion on a capture: a reader of plain pcap files with Ethernet or raw IP, IPv4, UDP and TCP,
//! which has nothing in common with the program's.

use std::collections::BTreeMap;
use std::path::Path;

/// What the sides sent.
#[derive(Default)]
pub struct Sent {
    /// The payload of each datagram, by its frame.
    pub datagrams: BTreeMap<u64, Vec<u8>>,
    /// The bytes of each side of a connection, in order and without repetitions.
    pub streams: BTreeMap<String, Vec<u8>>,
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte))
}

/// Reads a little-endian pcap file with Ethernet frames or IP packets.
pub fn read(path: &Path) -> Sent {
    let file = std::fs::read(path).unwrap();
    let little = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    assert!(matches!(little(0), 0xa1b2_c3d4 | 0xa1b2_3c4d), "{}", path.display());
    // Ethernet or raw IP, https://www.tcpdump.org/linktypes.html
    let (link, least) = match little(20) {
        1 => (14, 42),
        101 => (0, 28),
        other => panic!("{}: link type {other}", path.display()),
    };
    let (mut sent, mut at, mut frame) = (Sent::default(), 24, 0);
    // Of each side: its bytes by their distance from its first one.
    let mut sides: BTreeMap<String, (u32, BTreeMap<u32, u8>)> = BTreeMap::new();
    while at < file.len() {
        let len = little(at + 8);
        let bytes = &file[at + 16..at + 16 + len];
        at += 16 + len;
        frame += 1;
        let is_ipv4 = match link {
            0 => bytes.first().is_some_and(|byte| byte >> 4 == 4),
            _ => bytes.len() >= least && number(&bytes[12..14]) == 0x0800,
        };
        if bytes.len() < least || !is_ipv4 {
            continue;
        }
        let ip = &bytes[link..];
        // The capture may have cut the frame.
        let ip = &ip[..number(&ip[2..4]).min(ip.len())];
        let transport = &ip[usize::from(ip[0] & 15) * 4..];
        let address =
            |at: usize| format!("\"{}.{}.{}.{}\"", ip[at], ip[at + 1], ip[at + 2], ip[at + 3]);
        let direction = |name: &str| {
            let (source, destination) = (number(&transport[..2]), number(&transport[2..4]));
            format!("\"{name}\" {}:{source} {}:{destination}", address(12), address(16))
        };
        match ip[9] {
            17 => drop(sent.datagrams.insert(frame, transport[8..].to_vec())),
            6 => {
                let payload = &transport[usize::from(transport[12] >> 4) * 4..];
                let seq = number(&transport[4..8]) as u32;
                let is_syn = transport[13] & 2 != 0;
                let first = seq.wrapping_add(u32::from(is_syn));
                let (start, side) =
                    sides.entry(direction("tcp")).or_insert((first, BTreeMap::new()));
                for (i, &byte) in (0..).zip(payload) {
                    side.insert(first.wrapping_sub(*start).wrapping_add(i), byte);
                }
            }
            _ => {}
        }
    }
    let whole = sides.into_iter().map(|(name, (_, side))| (name, side.into_values().collect()));
    sent.streams = whole.collect();
    sent
}
