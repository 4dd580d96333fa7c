//! `sender IFACE SECONDS FRAMES_PER_SECOND [NEW_FLOWS_PER_SECOND [tcp]]`: sends UDP frames of 64
//! bytes out of an interface from one core; 0 frames a second is as fast as it can. At any time some
//! 10,000 flows take turns; with new ones, the oldest give way. With `tcp`, every other flow is a
//! connection of both sides that never ends. If the interface goes away, the sender waits for its
//! return.
//!
//! The frames are for another machine's address, so that the kernel behind the interface does not
//! answer. For interfaces inside test namespaces (`benches/live.sh`); needs `CAP_NET_RAW`.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, SockaddrLike, bind,
    sendmmsg, setsockopt, socket, sockopt,
};

const FRAME: usize = 64;
const ETHERNET: usize = 14;
const FLOWS: u64 = 10_000;
/// Frames for one system call.
const BURST: usize = 64;
/// Destination ports, as a host of this trade receives them.
const PORTS: [u16; 8] = [3001, 3002, 3037, 53, 8000, 9000, 5353, 40_000];
const UDP: u8 = 17;
const TCP: u8 = 6;
/// Bytes after the header of TCP.
const TCP_PAYLOAD: u32 = (FRAME - ETHERNET - 40) as u32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [interface, seconds, pace, rest @ ..] = &args[..] else {
        return Err(
            "usage: sender IFACE SECONDS FRAMES_PER_SECOND [NEW_FLOWS_PER_SECOND [tcp]]".into()
        );
    };
    let (seconds, pace): (f64, f64) = (seconds.parse()?, pace.parse()?);
    let churn: f64 = rest.first().map_or(Ok(0.0), |text| text.parse())?;
    let mut connections = rest.get(1).map(|_| Connections::new());
    let mut socket = open(interface)?;

    let mut frames = [frame(); BURST];
    let (mut sent, mut refused) = (0_u64, 0_u64);
    let begin = Instant::now();
    loop {
        let elapsed = begin.elapsed().as_secs_f64();
        if elapsed >= seconds {
            break;
        }
        if pace > 0.0 && sent as f64 > elapsed * pace {
            // Sleep when ahead by a burst: at a low rate the core is left to others.
            std::thread::sleep(Duration::from_secs_f64(BURST as f64 / pace / 2.0));
            continue;
        }
        let oldest = (elapsed * churn) as u64;
        for (n, frame) in (sent..).zip(&mut frames) {
            // A step that has no divisor in common with the number of flows visits them all.
            let flow = oldest + n * 7919 % FLOWS;
            match &mut connections {
                Some(connections) if flow % 2 == 1 => connections.fill(frame, flow),
                _ => fill_datagram(frame, flow),
            }
        }
        let slices: Vec<[IoSlice<'_>; 1]> =
            frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
        let mut headers = MultiHeaders::<LinkAddr>::preallocate(BURST, None);
        match sendmmsg(
            socket.as_raw_fd(),
            &mut headers,
            &slices,
            [None; BURST],
            [],
            MsgFlags::empty(),
        ) {
            Ok(results) => sent += results.count() as u64,
            Err(Errno::ENOBUFS | Errno::EAGAIN) => refused += 1,
            Err(Errno::ENXIO | Errno::ENODEV | Errno::ENETDOWN) => socket = reopen(interface),
            Err(error) => return Err(error.into()),
        }
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "sent {sent} frames in {took:.2} s, {:.0} per second, {refused} refused bursts",
        sent as f64 / took
    );
    Ok(())
}

/// A socket that sends out of an interface.
fn open(interface: &str) -> Result<OwnedFd, Box<dyn std::error::Error>> {
    let address = link_address(interface)?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None)?;
    // As far as the system permits.
    let _ = setsockopt(&socket, sockopt::SndBufForce, &(32 << 20));
    bind(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

/// The same, once the interface is back.
fn reopen(interface: &str) -> OwnedFd {
    loop {
        if let Ok(socket) = open(interface) {
            return socket;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn link_address(interface: &str) -> Result<LinkAddr, Box<dyn std::error::Error>> {
    let mut addresses = getifaddrs()?.filter(|address| address.interface_name == interface);
    let link = addresses.find_map(|address| address.address?.as_link_addr().copied());
    link.filter(|link| link.family() == Some(AddressFamily::Packet))
        .ok_or_else(|| format!("{interface}: no such interface").into())
}

/// Ethernet and IPv4; the rest is filled in later.
fn frame() -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 0xee, 2, 0, 0, 0, 0, 0xdd]);
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    let ip = (FRAME - ETHERNET) as u16;
    frame[14..18].copy_from_slice(&[0x45, 0, (ip >> 8) as u8, ip as u8]);
    frame[22] = 64;
    frame
}

fn fill_datagram(frame: &mut [u8; FRAME], flow: u64) {
    frame[17] = (FRAME - ETHERNET) as u8;
    frame[34..].fill(0);
    frame[38..40].copy_from_slice(&((FRAME - ETHERNET - 20) as u16).to_be_bytes());
    address_frame(frame, flow, UDP, true);
}

/// The frames that each connection has sent: SYN, SYN with ACK, then data from both sides in turn.
struct Connections(Vec<(u64, u32)>);

impl Connections {
    fn new() -> Self {
        Self(vec![(u64::MAX, 0); FLOWS as usize])
    }

    fn fill(&mut self, frame: &mut [u8; FRAME], flow: u64) {
        const SYN: u8 = 0x02;
        const ACK: u8 = 0x10;
        let state = &mut self.0[(flow % FLOWS) as usize];
        if state.0 != flow {
            *state = (flow, 0);
        }
        let turn = state.1;
        state.1 += 1;
        // Bytes of each side that came before.
        let before = |frames: u32| if frames == 0 { 0 } else { 1 + (frames - 1) * TCP_PAYLOAD };
        let (own, other) = (before(turn / 2), before(turn.div_ceil(2)));
        let (flags, payload) = match turn {
            0 => (SYN, 0),
            1 => (SYN | ACK, 0),
            _ => (ACK, 0xa5),
        };
        frame[34..].fill(0);
        frame[38..42].copy_from_slice(&own.to_be_bytes());
        frame[42..46].copy_from_slice(&other.to_be_bytes());
        frame[46..50].copy_from_slice(&[5 << 4, flags, 0xff, 0xff]);
        frame[54..].fill(payload);
        let has_payload = turn > 1;
        frame[17] = (FRAME - ETHERNET) as u8 - if has_payload { 0 } else { TCP_PAYLOAD as u8 };
        address_frame(frame, flow, TCP, turn.is_multiple_of(2));
    }
}

/// Addresses and ports, from the client or from the server, and the checksum of the IP header.
fn address_frame(frame: &mut [u8; FRAME], flow: u64, transport: u8, from_client: bool) {
    let [.., a, b, c] = flow.to_be_bytes();
    frame[23] = transport;
    let (client, server) = if from_client { ([26, 34], [30, 36]) } else { ([30, 36], [26, 34]) };
    let mut write = |at: usize, bytes: &[u8]| frame[at..at + bytes.len()].copy_from_slice(bytes);
    write(client[0], &[10, a, b, c]);
    write(client[1], &(20_000 + (flow % 40_000) as u16).to_be_bytes());
    write(server[0], &[10, 255, 0, 1]);
    write(server[1], &PORTS[(flow % PORTS.len() as u64) as usize].to_be_bytes());
    write(24, &[0; 2]);
    let sum: u32 =
        frame[14..34].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let sum = !((folded & 0xffff) + (folded >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}
