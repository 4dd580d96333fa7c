//! Classic pcap: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html>, both byte orders, micro- and
//! nanoseconds, and Kuznetzov's variant whose record headers are eight bytes longer.

use super::buffer::{Buffer, Order};
use super::{Advance, Damage, Head, MAX_FRAME};
use crate::source::LinkType;
use crate::time::Time;

/// Bytes of the file header.
const FILE_HEADER: usize = 24;

/// A classic pcap file behind its header.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in the unit of the second time field.
    unit: i64,
    record_header: usize,
    link: LinkType,
    /// Bytes of the current record, to be skipped at the next advance.
    current: usize,
}

impl Pcap {
    /// Whether a file that begins with these four bytes is ours.
    pub(super) fn knows(magic: [u8; 4]) -> bool {
        parse_magic(magic).is_some()
    }

    /// Reads the file header.
    pub(super) fn open(buffer: &mut Buffer) -> Result<Self, String> {
        let there = buffer.wait(FILE_HEADER).map_err(|e| e.to_string())?;
        if there < FILE_HEADER {
            return Err(format!("the pcap header is cut: {there} of {FILE_HEADER} bytes"));
        }
        let header = buffer.get(FILE_HEADER);
        let (order, unit, record_header) = parse_magic(std::array::from_fn(|i| header[i])).ok_or("not a pcap file")?;
        let major = order.u16(header, 4);
        if major != 2 {
            return Err(format!("pcap version {major} is not known; convert it with `editcap -F pcap`"));
        }
        // The upper half carries the length of a frame check sequence, which is of no use here.
        let link = LinkType((order.u32(header, 20) & 0xffff) as u16);
        buffer.skip(FILE_HEADER);
        Ok(Self { order, unit, record_header, link, current: 0 })
    }

    /// The link type of every frame in the file.
    pub(super) const fn link(&self) -> LinkType {
        self.link
    }

    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> Advance {
        buffer.skip(self.current);
        self.current = 0;
        let there = buffer.want(self.record_header)?;
        if there == 0 {
            return Ok(None);
        }
        if there < self.record_header {
            return Err(Damage::Cut { promised: self.record_header, there });
        }
        let header = buffer.get(self.record_header);
        let captured = self.order.u32(header, 8) as usize;
        if captured > MAX_FRAME {
            return Err(Damage::Corrupt(format!("a record says that it has {captured} bytes")));
        }
        let head = Head {
            time: Time::new(i64::from(self.order.u32(header, 0)), i64::from(self.order.u32(header, 4)) * self.unit),
            link: self.link,
            interface: 0,
            wire_len: self.order.u32(header, 12),
            from: self.record_header,
            to: self.record_header + captured,
        };
        let there = buffer.want(head.to)?;
        if there < head.to {
            return Err(Damage::Cut { promised: captured, there: there - self.record_header });
        }
        self.current = head.to;
        Ok(Some(head))
    }
}

/// Byte order, nanoseconds per unit of the second time field, bytes of a record header.
fn parse_magic(magic: [u8; 4]) -> Option<(Order, i64, usize)> {
    let by_order = |word: u32| match word {
        0xa1b2_c3d4 => Some((1_000, 16)),
        0xa1b2_3c4d => Some((1, 16)),
        0xa1b2_cd34 => Some((1_000, 24)),
        _ => None,
    };
    if let Some((unit, header)) = by_order(u32::from_le_bytes(magic)) {
        return Some((Order::Little, unit, header));
    }
    by_order(u32::from_be_bytes(magic)).map(|(unit, header)| (Order::Big, unit, header))
}
