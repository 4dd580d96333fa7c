//! Community ID, by which tools name the same flow: version 1 of
//! <https://github.com/corelight/community-id-spec>, with seed 0.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::decode::{Endpoint, Transport};

const SEED: [u8; 2] = [0, 0];

/// The Community ID of a flow between two endpoints; the same for both directions.
#[must_use]
pub fn community_id(transport: Transport, one: Endpoint, other: Endpoint) -> String {
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    };
    // By address, byte by byte, then by port.
    let place = |end: Endpoint| (end.address, end.port);
    let (first, second) = if place(one) <= place(other) { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update(SEED);
    for endpoint in [first, second] {
        update(&mut hash, endpoint.address);
    }
    hash.update([protocol, 0]);
    hash.update(first.port.to_be_bytes());
    hash.update(second.port.to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

fn update(hash: &mut Sha1, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hash.update(address.octets()),
        IpAddr::V6(address) => hash.update(address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of <https://github.com/corelight/community-id-spec/tree/master/baseline>.
    #[test]
    fn the_ids_are_those_of_the_specification_in_both_directions() {
        let end = |text: &str| {
            let address: std::net::SocketAddr = text.parse().unwrap();
            Endpoint { address: address.ip(), port: address.port() }
        };
        for (transport, one, other, id) in [
            (
                Transport::Tcp,
                "128.232.110.120:34855",
                "66.35.250.204:80",
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            ),
            (Transport::Udp, "192.168.1.52:54585", "8.8.8.8:53", "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        ] {
            assert_eq!(community_id(transport, end(one), end(other)), id);
            assert_eq!(community_id(transport, end(other), end(one)), id);
        }
    }
}
