//! What a flow has no room for.

use super::*;

/// Counts that 32 bits do not hold, times and frames far apart, more sizes than have a slot, and
/// IPv6: all of it is exact.
#[test]
fn what_does_not_fit_in_a_flow_is_kept_beside_it() {
    let mut bench = TableUnderTest::new(LIMITS);
    let end =
        |n: u128, port| Endpoint { address: std::net::IpAddr::V6((n << 70 | n).into()), port };
    let (client, server) = (end(7, 50_000), end(9, 80));
    let mut send = |frame: u64,
                    time: i64,
                    by_client: bool,
                    flags: u8,
                    seq: u32,
                    wire_len: u32,
                    payload_len: u32| {
        let (source, destination) = if by_client { (client, server) } else { (server, client) };
        let five_tuple = FiveTuple { source, destination, transport: Transport::Tcp };
        let (flags, time) = (TcpFlags(flags), Time(time));
        let segment = Segment {
            frame,
            time,
            five_tuple,
            seq,
            ack: 0,
            flags,
            tunnel: None,
            tenant: crate::decode::Tenant::NONE,
            link_broadcast: false,
            wire_len,
            payload_len,
        };
        let keyed = KeyedSegment::new(&segment, &bench.table.hasher);
        bench.table.observe(usize::MAX, &keyed, b"", &bench.ports, &mut bench.reader);
    };
    let late = 90 * 1_000_000_000;
    send(5, 0, false, ACK, 499, 60, 0);
    send(6, late, true, SYN, 100, 61, 0);
    send(7, late + 1, false, SYN_ACK, 500, 62, 0);
    send(8, 2 * late + 2, true, ACK, 101, 63, 0);
    for n in 0..3_u32 {
        send(
            9 + u64::from(n) * 0xffff_fff0,
            3 * late + i64::from(n),
            true,
            ACK,
            101,
            u32::MAX - n,
            u32::MAX - n,
        );
    }
    let closed = bench.records();
    let [Closed { record, .. }] = &closed[..] else { panic!("{closed:?}") };
    assert_eq!(
        (record.initiator, record.responder, record.orientation),
        (client, server, Orientation::Seen)
    );
    assert_eq!(
        record.bytes,
        Counts { initiator: 61 + 63 + 3 * u64::from(u32::MAX) - 3, responder: 122 }
    );
    assert_eq!(record.payload_bytes.initiator, 3 * u64::from(u32::MAX) - 3);
    assert_eq!(record.packets, Counts { initiator: 5, responder: 2 });
    assert_eq!(record.handshake_ns, Some(late as u64 + 2));
    assert_eq!((record.first_frame, record.last_frame), (5, 9 + 2 * 0xffff_fff0));
    assert_eq!((record.first, record.last), (Time(0), Time(3 * late + 2)));
    assert_eq!(record.sizes.iter().map(|(_, n)| n).sum::<u32>(), 7);
}
