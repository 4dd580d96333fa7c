//! Link type and bytes as frames: two bytes of link type, two that are added to the captured length
//! as the wire length. The bytes are one frame, or several where the link type's top bit is set:
//! each behind a byte that is its length.

use std::cell::RefCell;
use std::sync::Arc;

use portlore::decode::Decoder;
use portlore::flow::{CapturedPayload, FlowHasher, FlowKey, KeyedSegment, SIDE_BYTES};
use portlore::pipeline::Batch;
use portlore::source::{Block, Frame, LinkType};
use portlore::time::Time;

const LINKS: [LinkType; 29] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::RAW_BSD,
    LinkType::RAW_OPENBSD,
    LinkType::RAW,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL2,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::PPP_PPPD,
    LinkType::PPP_WITH_DIR,
    LinkType::C_HDLC,
    LinkType::C_HDLC_WITH_DIR,
    LinkType::FRELAY,
    LinkType::FRELAY_WITH_DIR,
    LinkType::IEEE802_11,
    LinkType::IEEE802_11_PRISM,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::IEEE802_11_AVS,
    LinkType::PPI,
    LinkType::PKTAP,
    LinkType::IPNET,
    LinkType::NFLOG,
    LinkType::FDDI,
    LinkType::ATM_RFC1483,
];

/// The two bytes that stand for a link type of the list.
#[allow(dead_code, reason = "for those who write seeds")]
pub fn place_of(link: LinkType) -> Option<[u8; 2]> {
    LINKS.iter().position(|known| *known == link).map(|place| [place as u8, 0])
}

pub fn run(input: &[u8]) {
    let Some((&[a, b, c, d], bytes)) = input.split_first_chunk() else { return };
    let any = LinkType(u16::from_le_bytes([a, b & 0x7f]));
    let link = LINKS.get(usize::from(a)).copied().filter(|_| any.0 <= 0xff).unwrap_or(any);
    // A damaged record may state fewer bytes on the wire than it holds.
    let cut = i16::from_le_bytes([c, d]);
    let mut decoders = [Decoder::new(true), Decoder::new(false)];
    if b & 0x80 == 0 {
        return decoders.iter_mut().for_each(|decoder| decode(decoder, link, cut, bytes));
    }
    let mut rest = bytes;
    while let Some((&len, behind)) = rest.split_first() {
        let (bytes, next) = behind.split_at(usize::from(len).min(behind.len()));
        decoders.iter_mut().for_each(|decoder| decode(decoder, link, cut, bytes));
        rest = next;
    }
}

thread_local! {
    /// Memory for many frames, which to ask for anew took most of the time of a run with one.
    static PLACE: RefCell<(Block, Batch)> = RefCell::default();
}

fn decode(decoder: &mut Decoder, link: LinkType, cut: i16, bytes: &[u8]) {
    PLACE.with_borrow_mut(|(block, batch)| {
        block.clear();
        batch.clear();
        let wire_len = (bytes.len() as u32).saturating_add_signed(cut.into());
        block.push(&Frame { number: 1, time: Time(0), link, interface: 0, wire_len, bytes });
        let Some(frame) = block.frames(0).next() else { return };
        if let Some((segment, payload)) = decoder.fast_path(&frame) {
            let (same, all) = decoder
                .slow_path(&frame)
                .expect("the slow path decodes every frame of the fast path");
            assert_eq!(
                (format!("{segment:?}"), payload),
                (format!("{same:?}"), &*all),
                "both paths give the same"
            );
        }
        let Ok((segment, payload)) = decoder.decode(&frame) else { return };
        assert!(payload.len() <= segment.payload_len as usize, "more was captured than sent");
        let (key, end) = FlowKey::new(&segment.five_tuple);
        assert_eq!(key.endpoint(end), segment.five_tuple.source);
        assert_eq!(key.endpoint(1 - end), segment.five_tuple.destination);
        batch.push(KeyedSegment::new(&segment, &FlowHasher::default()), 0, &payload, block);
        let said = payload.into_owned();
        let full = Arc::new(std::mem::take(block));
        batch.attach(&full);
        let payload = batch.payload(&batch.segments()[0]);
        assert_eq!(payload.bytes(), &said[..said.len().min(SIDE_BYTES)]);
        batch.clear();
        *block = Arc::into_inner(full).expect("the batch has let it go");
    });
}
