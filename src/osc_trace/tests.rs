//! A trace of segments.

use super::*;
use crate::decode::{Endpoint, FiveTuple, Segment, TcpFlags, Tenant, Transport};
use crate::time::Time;

const PING: &[u8] = b"/eos/ping\0\0\0,\0\0\0";

/// A trace, and what it told.
struct Told {
    trace: OscTrace,
    lines: Vec<String>,
    frame: u64,
}

impl Told {
    fn new(scope: TraceScope) -> Self {
        Self { trace: OscTrace::new(scope), lines: Vec::new(), frame: 0 }
    }

    /// Adds a segment from port `from` to port `to` in the next frame, a millisecond after the last
    /// one.
    fn push(
        &mut self,
        (transport, from, to): (Transport, u16, u16),
        (seq, flags): (u32, TcpFlags),
        payload: &[u8],
    ) {
        self.frame += 1;
        let endpoint = |port| Endpoint { address: [192, 0, 2, 1].into(), port };
        let segment = Segment {
            frame: self.frame,
            time: Time::new(1_700_000_000, self.frame as i64 * 1_000_000),
            five_tuple: FiveTuple { source: endpoint(from), destination: endpoint(to), transport },
            seq,
            ack: 0,
            flags,
            tunnel: None,
            tenant: Tenant::default(),
            link_broadcast: false,
            wire_len: 0,
            payload_len: payload.len() as u32,
        };
        let lines = &mut self.lines;
        self.trace.push(&segment, payload, &mut |entry| lines.push(line(entry)));
    }

    fn datagram(&mut self, from: u16, to: u16, payload: &[u8]) {
        self.push((Transport::Udp, from, to), (0, TcpFlags::default()), payload);
    }

    fn finish(mut self) -> Vec<String> {
        let lines = &mut self.lines;
        self.trace.finish(&mut |entry| lines.push(line(entry)));
        self.lines
    }
}

/// Frame, sender's port, and what it is; `?` before what was not recognised.
fn line(entry: &OscEntry<'_>) -> String {
    let content = match &entry.content {
        OscContent::Packet { packet: Ok(packet), .. } => format!("{} messages", packet.messages()),
        OscContent::Packet { packet: Err(fault), .. } => format!("{}: {}", fault.at, fault.reason),
        OscContent::Unread { bytes, reason } => format!("{} unread: {reason:?}", bytes.len()),
        OscContent::Gap(bytes) => format!("gap {bytes:?}"),
        OscContent::Mismatch { own, other } => format!("{own:?} after {other:?}"),
    };
    let doubt = if entry.recognised { "" } else { "?" };
    format!("{doubt}{} {} {content}", entry.frame, entry.five_tuple.source.port)
}

#[test]
fn what_is_held_back_comes_out_in_order_once_it_is_recognised() {
    let mut told = Told::new(TraceScope::default());
    let untyped = b"/fader/1\0\0\0\0";
    told.datagram(5000, 8000, untyped);
    assert!(told.lines.is_empty());
    told.datagram(5000, 8000, untyped);
    assert_eq!(told.lines, ["1 5000 1 messages", "2 5000 1 messages"]);
    told.datagram(8000, 5000, b"/fader/1\0\0\0\0,f\0\0\0\0");
    let short = "3 8000 16: an argument of type f needs 4 bytes, but 2 are left";
    assert_eq!(told.finish().last().unwrap(), short);
}

#[test]
fn what_begins_as_osc_and_fails_is_told_as_unrecognised() {
    let mut told = Told::new(TraceScope::default());
    told.datagram(5000, 8000, b"/eos/ping");
    told.datagram(5001, 8001, b"{\"a\":1}");
    told.datagram(5002, 53, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01");
    assert_eq!(told.finish(), ["?1 5000 9: the string does not end with NUL"]);
}

#[test]
fn on_a_port_that_is_asked_for_everything_unrecognised_is_told() {
    let scope = TraceScope { ports: vec![8001], hosts: Vec::new() };
    let mut told = Told::new(scope);
    told.datagram(5000, 8000, b"/eos/ping");
    told.datagram(5001, 8001, b"{\"a\":1}");
    assert_eq!(told.finish(), ["?2 5001 0: begins with neither / nor #bundle"]);
}

#[test]
fn a_connection_that_is_kept_alive_before_its_first_message_is_told() {
    let mut told = Told::new(TraceScope::default());
    let (there, back) = ((Transport::Tcp, 5000, 3037), (Transport::Tcp, 3037, 5000));
    told.push(there, (9, TcpFlags::SYN), b"");
    told.push(back, (99, TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0)), b"");
    for _ in 0..500 {
        told.push(there, (9, TcpFlags::ACK), b"");
        told.push(back, (100, TcpFlags::ACK), b"");
    }
    let ping = [b"\xc0", PING, b"\xc0"].concat();
    told.push(there, (10, TcpFlags::ACK), &ping);
    told.push(there, (28, TcpFlags::ACK), &ping);
    assert_eq!(told.finish(), ["1003 5000 1 messages", "1004 5000 1 messages"]);
}

#[test]
fn streams_are_put_in_order_and_a_mismatch_is_told_once() {
    let mut told = Told::new(TraceScope::default());
    let (there, back) = ((Transport::Tcp, 5000, 3037), (Transport::Tcp, 3037, 5000));
    let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
    told.push(there, (9, syn), b"");
    told.push(back, (99, TcpFlags(syn.0 | ack.0)), b"");
    told.push(there, (14, ack), PING);
    told.push(there, (10, ack), b"\0\0\0\x10");
    told.push(back, (100, ack), &[b"\xc0", PING, b"\xc0"].concat());
    told.push(back, (118, ack), &[b"\xc0", PING, b"\xc0"].concat());
    assert_eq!(
        told.finish(),
        [
            "4 5000 1 messages",
            "5 3037 1 messages",
            "5 3037 Slip after LengthPrefix",
            "6 3037 1 messages"
        ]
    );
}

#[test]
fn more_connections_than_are_kept_cost_the_oldest_and_are_counted() {
    let mut told = Told::new(TraceScope::default());
    for port in 1..=40_000 {
        told.datagram(port, 60_000, PING);
    }
    assert!(told.trace.given_up() > 20_000);
    assert_eq!(told.finish().len(), 40_000);
}
