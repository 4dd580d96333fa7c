//! Link type and bytes as a frame: two bytes of link type, two that are added to the captured length as the wire length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portlore::batch::Batch;
use portlore::decode::decode;
use portlore::flow::{FlowKey, SIDE_BYTES};
use portlore::source::{Frame, LinkType};
use portlore::time::Time;

const LINKS: [LinkType; 10] = [
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
];

fuzz_target!(|input: &[u8]| {
    let Some((&[a, b, c, d], bytes)) = input.split_first_chunk() else { return };
    let any = LinkType(u16::from_le_bytes([a, b]));
    let link = LINKS.get(usize::from(a)).copied().filter(|_| b == 0).unwrap_or(any);
    // A damaged record may state fewer bytes on the wire than it holds.
    let cut = i16::from_le_bytes([c, d]);
    let wire_len = (bytes.len() as u32).saturating_add_signed(cut.into());
    let frame = Frame { number: 1, time: Time(0), link, wire_len, bytes };
    let Ok(segment) = decode(&frame) else { return };
    // Where the capture cut the header, an empty range may lie behind the frame's end.
    let range = segment.payload.start as usize..segment.payload.end as usize;
    let payload = if range.is_empty() { &[] } else { &bytes[range] };
    assert!(payload.len() <= segment.payload_len as usize, "more was captured than sent");
    let (key, end) = FlowKey::new(&segment.five_tuple);
    assert_eq!(key.endpoint(end), segment.five_tuple.source);
    assert_eq!(key.endpoint(1 - end), segment.five_tuple.destination);
    let mut batch = Batch::default();
    batch.push(segment, bytes);
    assert_eq!(batch.payload(&batch.segments()[0]), &payload[..payload.len().min(SIDE_BYTES)]);
});
