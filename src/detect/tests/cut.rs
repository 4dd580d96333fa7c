//! What the capture cut off never rules a protocol out.

use crate::decode::Transport;
use crate::detect::registry::DETECTORS;
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::Opening;

/// The detectors over UDP that are checked here.
const OVER_UDP: [Protocol; 4] =
    [Protocol::Quic, Protocol::Ldap, Protocol::Memcached, Protocol::Iperf3];

#[test]
fn a_segment_or_datagram_that_the_snap_length_cut_refutes_nothing() {
    for detector in DETECTORS {
        for (i, sample) in detector.samples.iter().enumerate() {
            let udp = sample.transport == Transport::Udp;
            let [first, ..] = [sample.initiator, sample.responder].concat()[..] else { continue };
            if udp && !OVER_UDP.contains(&detector.protocol) {
                continue;
            }
            for len in 1..first.len() {
                let wire_len = first.len() as u32;
                let opening = if udp {
                    Opening::from_datagrams(&[(0, &first[..len], wire_len)])
                } else {
                    let mut opening = Opening::new(Transport::Tcp);
                    opening.push_cut_for_test(&[(&first[..len], wire_len)]);
                    opening
                };
                let from_server = sample.initiator.is_empty() && !udp;
                // What only a server sends is refused of an initiator.
                if !from_server {
                    assert_ne!(
                        (detector.inspect)(&opening, Depth::Facts),
                        Detection::No,
                        "{}/{i} cut after {len} of {wire_len} bytes",
                        detector.protocol
                    );
                }
            }
        }
    }
}
