//! Whether a segment arrived undamaged: its checksum (RFC 9293, section 3.1; RFC 1071), computed only
//! where two segments contradict each other.
//!
//! A segment whose bytes are kept leaves the sum of its header and of what of its payload is not
//! kept: 16 bits, to which the sum of the kept bytes is added when somebody asks. Sums are in the
//! byte order of the machine, which makes no difference to whether they are right (RFC 1071, section
//! 2).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Bytes of a TCP header, at least and at most.
const SHORTEST: usize = 20;
pub(super) const LONGEST: usize = 60;
/// The number of TCP in IP headers.
const TCP: u16 = 6;
const URG: u8 = 0x20;

/// What the checksum of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nothing: its header or a part of its payload was not captured.
    Unknown,
    /// The segment is as it was sent.
    Undamaged,
    /// The sender left the checksum to its network interface.
    Offloaded,
    /// The receiver drops the segment.
    Damaged,
}

impl Arrival {
    /// Whether the checksum is wrong.
    pub(super) const fn is_bad(self) -> bool {
        matches!(self, Self::Offloaded | Self::Damaged)
    }
}

/// What is kept of a segment beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Received {
    /// The sum of all that is not kept; zero if unknown, as no sum is zero.
    rest: u16,
    /// Bits: [`OFFLOADED`](Self::OFFLOADED), [`CUT`](Self::CUT).
    flags: u8,
    /// Urgent bytes that were left out before the segment.
    pub(super) urgent_before: u8,
}

impl Received {
    /// If the checksum is wrong, the sender has left it to its interface.
    const OFFLOADED: u8 = 1;
    /// The capture cut the payload.
    const CUT: u8 = 2;

    /// A segment of which the capture cut some, or none, and nothing else is known.
    pub(super) fn unknown(cut: bool) -> Self {
        Self { flags: if cut { Self::CUT } else { 0 }, ..Self::default() }
    }

    /// Whether the capture cut the payload.
    pub(super) const fn is_cut(self) -> bool {
        self.flags & Self::CUT != 0
    }

    /// A segment with this header, between these addresses, with a payload of `len` bytes.
    pub(super) fn new(header: &[u8], addresses: [IpAddr; 2], len: u32) -> Self {
        let between: u64 = addresses.iter().map(sum_of_address).sum();
        let protocol = u64::from(TCP.to_be());
        // Of a length of more than 16 bits the halves are summed (RFC 8200, section 8.1).
        let whole = len + header.len() as u32;
        let pseudo = between + protocol + sum(&whole.to_be_bytes());
        // Where segmentation is offloaded, too, the length is not summed.
        let begun = [fold(pseudo), fold(between + protocol), 0];
        let field = header.get(16..18).map_or(0, |field| fold(sum(field)));
        let rest = fold(pseudo + sum(header));
        let flags = if begun.contains(&field) { Self::OFFLOADED } else { 0 };
        Self { rest, flags, ..Self::default() }
    }

    /// The same behind urgent bytes that were left out.
    pub(super) const fn behind_urgent(self, urgent_before: u8) -> Self {
        Self { urgent_before, ..self }
    }

    /// The same where only `bytes[from..to]` of the payload are kept.
    pub(super) fn keep(self, bytes: &[u8], from: usize, to: usize) -> Self {
        if self.rest == 0 || (from, to) == (0, bytes.len()) {
            return self;
        }
        let odd = |at: usize, sum: u16| if at % 2 == 1 { sum.swap_bytes() } else { sum };
        let behind = odd(to, fold(sum(bytes.get(to..).unwrap_or(&[]))));
        let before = fold(sum(bytes.get(..from).unwrap_or(&[])));
        let rest = fold(u64::from(self.rest) + u64::from(before) + u64::from(behind));
        // The kept bytes are summed as if they began at an even place.
        Self { rest: odd(from, rest), ..self }
    }

    /// What the checksum says of the segment, of which these bytes are kept.
    pub(super) fn verify(self, bytes: &[u8]) -> Arrival {
        match fold(u64::from(self.rest) + sum(bytes)) {
            _ if self.rest == 0 => Arrival::Unknown,
            u16::MAX => Arrival::Undamaged,
            _ if self.flags & Self::OFFLOADED != 0 => Arrival::Offloaded,
            _ => Arrival::Damaged,
        }
    }
}

/// The TCP header that ends where `before` ends, of a segment with these ports and this sequence
/// number. `None` where several places may be its beginning: options may look like a header.
#[inline]
pub(super) fn header_in(before: &[u8], ports: [u16; 2], seq: u32) -> Option<&[u8]> {
    let [[a, b], [c, d]] = ports.map(u16::to_be_bytes);
    let begins = [a, b, c, d];
    let is_header = |header: &[u8]| {
        header.get(4..8).is_some_and(|field| field == seq.to_be_bytes())
            && header.get(12).is_some_and(|offset| usize::from(offset >> 4) * 4 == header.len())
    };
    let mut found = None;
    // The last words, backwards: each may begin the header.
    let words = before.rchunks_exact(4).enumerate().take(LONGEST / 4).skip(SHORTEST / 4 - 1);
    for (behind, _) in words.filter(|(_, word)| *word == begins) {
        let header = &before[before.len() - (behind + 1) * 4..];
        if is_header(header) && found.replace(header).is_some() {
            return None;
        }
    }
    found
}

/// The place in the payload of the urgent byte that a header states (RFC 6093, section 3: nearly
/// every implementation takes the pointer for the place behind it).
pub(super) fn urgent_byte(header: &[u8], len: usize) -> Option<usize> {
    let &[high, low] = header.get(18..20)? else { return None };
    let behind = usize::from(u16::from_be_bytes([high, low]));
    let at = behind.checked_sub(1).filter(|_| header[13] & URG != 0)?;
    (at < len).then_some(at)
}

fn sum_of_address(address: &IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    }
}

/// The sum of 16-bit words, the last of which may be half; fits for 64 KiB and more.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let words: u64 = words.iter().map(|&word| u64::from(u32::from_ne_bytes(word))).sum();
    let last = match *rest {
        [a, b, c] => [a, b, c, 0],
        [a, b] => [a, b, 0, 0],
        [a] => [a, 0, 0, 0],
        _ => [0; 4],
    };
    words + u64::from(u32::from_ne_bytes(last))
}

/// The ones' complement sum in 16 bits; zero only for zero.
fn fold(sum: u64) -> u16 {
    let mut sum = sum;
    while sum > u64::from(u16::MAX) {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

/// The sum of 16-bit words in the order of the network.
#[cfg(test)]
pub(super) fn sum_for_test(bytes: &[u8]) -> u16 {
    u16::from_be(fold(sum(bytes)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADDRESSES: [[u8; 4]; 2] = [[192, 0, 2, 1], [198, 51, 100, 7]];

    /// A header of 20 bytes with the right checksum for a payload.
    fn header(payload: &[u8]) -> Vec<u8> {
        let mut header = vec![0x0b, 0xb9, 0xc3, 0x50, 0, 0, 1, 1, 0, 0, 0, 9, 0x50, 0x18, 1, 2];
        header.extend([0; 4]);
        let len = (header.len() + payload.len()) as u16;
        let addresses = ADDRESSES.concat();
        let all = [&addresses, &[0, 6][..], &len.to_be_bytes(), &header, payload].concat();
        header[16..18].copy_from_slice(&(!sum_for_test(&all)).to_be_bytes());
        header
    }

    fn received(header: &[u8], payload: &[u8]) -> Received {
        Received::new(header, ADDRESSES.map(IpAddr::from), payload.len() as u32)
    }

    proptest! {
        #[test]
        fn a_checksum_is_verified_by_any_part_that_is_kept(
            payload in prop::collection::vec(any::<u8>(), 1..90),
            (a, b, c, d) in any::<(prop::sample::Index, prop::sample::Index, prop::sample::Index, prop::sample::Index)>(),
        ) {
            let header = header(&payload);
            let from = a.index(payload.len());
            let to = from + 1 + b.index(payload.len() - from);
            let kept = received(&header, &payload).keep(&payload, from, to);
            let bytes = &payload[from..to];
            prop_assert_eq!(kept.verify(bytes), Arrival::Undamaged);
            let within = c.index(bytes.len());
            let less = kept.keep(bytes, within, bytes.len());
            prop_assert_eq!(less.verify(&bytes[within..]), Arrival::Undamaged);
            let mut damaged = bytes.to_vec();
            damaged[d.index(bytes.len())] ^= 1;
            prop_assert_eq!(kept.verify(&damaged), Arrival::Damaged);
        }
    }

    #[test]
    fn a_checksum_that_is_left_to_the_interface_is_told_from_a_damaged_one() {
        let payload = b"words";
        let mut header = header(payload);
        let with = |field: u16, header: &mut Vec<u8>| {
            header[16..18].copy_from_slice(&field.to_be_bytes());
            received(header, payload).verify(payload)
        };
        let addresses = ADDRESSES.concat();
        let whole = sum_for_test(&[&addresses[..], &[0, 6, 0, 25]].concat());
        let without_len = sum_for_test(&[&addresses[..], &[0, 6]].concat());
        for field in [whole, without_len, 0] {
            assert_eq!(with(field, &mut header), Arrival::Offloaded);
        }
        assert_eq!(with(0x1234, &mut header), Arrival::Damaged);
        assert_eq!(Received::unknown(false).verify(payload), Arrival::Unknown);
    }

    #[test]
    fn a_header_is_found_unless_several_places_look_like_one() {
        let header = header(b"");
        let ports = [3001, 50_000];
        let behind_ip = [&[0x45; 34][..], &header].concat();
        assert_eq!(header_in(&behind_ip, ports, 257), Some(&header[..]));
        assert_eq!(header_in(&behind_ip, ports, 258), None);
        assert_eq!(header_in(&header[1..], ports, 257), None);
        // Forty bytes of options, the last twenty of which are another header.
        let mut long = [&header[..], &[1; 20], &header[..]].concat();
        long[12] = 0xf0;
        assert_eq!(header_in(&long, ports, 257), None);
    }

    #[test]
    fn the_urgent_byte_is_the_one_before_the_pointer() {
        let mut header = header(b"");
        header[18..20].copy_from_slice(&[0, 3]);
        assert_eq!(urgent_byte(&header, 9), None, "URG is not set");
        header[13] |= URG;
        assert_eq!(urgent_byte(&header, 9), Some(2));
        assert_eq!(urgent_byte(&header, 2), None);
        header[18..20].copy_from_slice(&[0, 0]);
        assert_eq!(urgent_byte(&header, 9), None);
    }
}
