//! `sender IFACE SECONDS FRAMES_PER_SECOND [NEW_FLOWS_PER_SECOND]`: sends UDP frames of 64 bytes
//! out of an interface from one core; 0 frames a second is as fast as it can. At any time some
//! 10,000 flows take turns; with new ones, the oldest give way.
//!
//! The frames are for another machine's address, so that the kernel behind the interface does not
//! answer. For interfaces inside test namespaces (`benches/live.sh`); needs `CAP_NET_RAW`.

use std::io::IoSlice;
use std::os::fd::AsRawFd;
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [interface, seconds, pace, rest @ ..] = &args[..] else {
        return Err("usage: sender IFACE SECONDS FRAMES_PER_SECOND [NEW_FLOWS_PER_SECOND]".into());
    };
    let (seconds, pace): (f64, f64) = (seconds.parse()?, pace.parse()?);
    let churn: f64 = rest.first().map_or(Ok(0.0), |text| text.parse())?;
    let address = link_address(interface)?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None)?;
    // As far as the system permits.
    let _ = setsockopt(&socket, sockopt::SndBufForce, &(32 << 20));
    bind(socket.as_raw_fd(), &address)?;

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
            address_frame(frame, oldest + n * 7919 % FLOWS);
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

fn link_address(interface: &str) -> Result<LinkAddr, Box<dyn std::error::Error>> {
    let mut addresses = getifaddrs()?.filter(|address| address.interface_name == interface);
    let link = addresses.find_map(|address| address.address?.as_link_addr().copied());
    link.filter(|link| link.family() == Some(AddressFamily::Packet))
        .ok_or_else(|| format!("{interface}: no such interface").into())
}

/// Ethernet, IPv4 and UDP; addresses, ports and checksum are filled in later.
fn frame() -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 0xee, 2, 0, 0, 0, 0, 0xdd]);
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    let ip = (FRAME - ETHERNET) as u16;
    frame[14..18].copy_from_slice(&[0x45, 0, (ip >> 8) as u8, ip as u8]);
    frame[22..24].copy_from_slice(&[64, 17]);
    frame[30..34].copy_from_slice(&[10, 255, 0, 1]);
    frame[38..40].copy_from_slice(&(ip - 20).to_be_bytes());
    frame
}

fn address_frame(frame: &mut [u8; FRAME], flow: u64) {
    let [.., a, b, c] = flow.to_be_bytes();
    frame[26..30].copy_from_slice(&[10, a, b, c]);
    frame[34..36].copy_from_slice(&(20_000 + (flow % 40_000) as u16).to_be_bytes());
    frame[36..38].copy_from_slice(&PORTS[(flow % PORTS.len() as u64) as usize].to_be_bytes());
    frame[24..26].fill(0);
    let sum: u32 =
        frame[14..34].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let sum = !((folded & 0xffff) + (folded >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}
