//! pcapng: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>. Several sections of
//! either byte order, several interfaces of any link type and clock; block types without a frame
//! are skipped.

use super::buffer::{Buffer, ByteOrder};
use super::record::{Damage, MAX_FRAME, NextRecord, RecordHeader};
use crate::source::{Drops, LinkType};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Bytes before the body of a block: type and total length. The total length is repeated behind the
/// body.
const BLOCK_HEADER: usize = 8;
const BLOCK_FRAME: usize = 12;

/// Maximum number of interfaces in a section: the obsolete packet block numbers them with 16 bits.
const INTERFACES: usize = 1 << 16;

/// Maximum number of interfaces with a name of their own; those beyond share one.
const NAMED: usize = 1 << 10;
/// Maximum bytes of a name.
const NAME_LEN: usize = 64;

/// Option codes: `if_name`, `if_tsresol`, `if_tsoffset`; `isb_ifdrop`, `isb_osdrop`.
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;
const OPTION_INTERFACE_DROPS: u16 = 5;
const OPTION_SYSTEM_DROPS: u16 = 7;

/// An interface of the current section.
struct SectionInterface {
    link: LinkType,
    snap_len: u32,
    clock: Clock,
    drops: Drops,
    name: Option<String>,
    /// Number among the interfaces that had frames, once it had one.
    number: Option<u32>,
}

/// The clock of an interface.
#[derive(Clone, Copy)]
struct Clock {
    /// The `if_tsresol` byte: a negative power of ten, or of two if the top bit is set.
    resolution: u8,
    /// Seconds to add.
    offset: i64,
}

impl Clock {
    fn time(self, units: u64) -> Time {
        let exponent = u32::from(self.resolution & 0x7f);
        let units = u128::from(units);
        let nanoseconds = if self.resolution & 0x80 != 0 {
            units.checked_mul(1_000_000_000).map_or(0, |n| n >> exponent.min(127))
        } else if exponent <= 9 {
            units * 10_u128.pow(9 - exponent)
        } else {
            10_u128.checked_pow(exponent - 9).map_or(0, |d| units / d)
        };
        Time::new(self.offset, i64::try_from(nanoseconds).unwrap_or(i64::MAX))
    }
}

/// A pcapng file within a section.
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<SectionInterface>,
    /// Names of the interfaces that had frames, of all sections.
    names: Vec<String>,
    /// Drops of the sections that are over.
    past_drops: Drops,
    /// Simple packet blocks carry no time: they get that of the frame before.
    last: Time,
    current: usize,
}

impl Pcapng {
    /// Whether a file with these first four bytes is pcapng.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == SECTION
    }

    /// Checks the first section header; the first advance reads it.
    pub(super) fn open(buffer: &mut Buffer) -> Result<Self> {
        let fail = |reason: String| Error::new(ErrorKind::Input, reason);
        let there = buffer.wait(28).map_err(|error| fail(error.to_string()))?;
        if there < 28 {
            return Err(fail(format!("the pcapng section header is cut: {there} of 28 bytes")));
        }
        let order = section_order(buffer.get(12))
            .ok_or_else(|| fail("the pcapng byte-order magic is broken".into()))?;
        Ok(Self {
            order,
            interfaces: Vec::new(),
            names: Vec::new(),
            past_drops: Drops::default(),
            last: Time(0),
            current: 0,
        })
    }

    /// The name of an interface that had frames.
    pub(super) fn interface_name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    /// The number of an interface among those that had frames.
    fn number(&mut self, index: u32) -> u32 {
        let Some(interface) = self.interfaces.get_mut(index as usize) else { return 0 };
        let names = &mut self.names;
        *interface.number.get_or_insert_with(|| {
            if names.len() < NAMED {
                names.push(interface.name.take().unwrap_or_else(|| format!("interface {index}")));
            } else if names.len() == NAMED {
                names.push("others".into());
            }
            names.len() as u32 - 1
        })
    }

    /// Drops that the capturing tool recorded.
    pub(super) fn drops(&self) -> Drops {
        self.interfaces.iter().fold(self.past_drops, |sum, i| Drops {
            kernel: sum.kernel.saturating_add(i.drops.kernel),
            interface: sum.interface.saturating_add(i.drops.interface),
        })
    }

    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> NextRecord {
        loop {
            buffer.skip(self.current);
            self.current = 0;
            let there = buffer.want(BLOCK_FRAME)?;
            if there == 0 {
                return Ok(None);
            }
            if there < BLOCK_FRAME {
                return Err(Damage::Cut { promised: BLOCK_FRAME, there });
            }
            let header = buffer.get(BLOCK_FRAME);
            let block_type = u32::from_le_bytes(std::array::from_fn(|i| header[i]));
            if block_type == SECTION {
                self.order = section_order(header).ok_or_else(|| {
                    Damage::Corrupt("a section's byte-order magic is broken".into())
                })?;
            }
            let (block_type, stated) =
                (self.order.u32(header, 0), self.order.u32(header, 4) as usize);
            if stated < BLOCK_FRAME {
                return Err(Damage::Corrupt(format!("a block says that it has {stated} bytes")));
            }
            // Some writers leave the padding out of the length, but not out of the file. Wireshark
            // reads them too.
            let total = stated.next_multiple_of(4);
            if !matches!(
                block_type,
                SECTION
                    | INTERFACE
                    | STATISTICS
                    | SIMPLE_PACKET
                    | OBSOLETE_PACKET
                    | ENHANCED_PACKET
            ) {
                match buffer.discard(total)? {
                    0 => continue,
                    missing => return Err(Damage::Cut { promised: total, there: total - missing }),
                }
            }
            if total > MAX_FRAME {
                return Err(Damage::Corrupt(format!("a block says that it has {total} bytes")));
            }
            let there = buffer.want(total)?;
            if there < total {
                return Err(Damage::Cut { promised: total, there });
            }
            if self.order.u32(buffer.get(total), total - 4) as usize != stated {
                return Err(Damage::Corrupt("a block's two lengths disagree".into()));
            }
            self.current = total;
            if let Some(head) =
                self.read_block(block_type, buffer.range(BLOCK_HEADER, total - 4))?
            {
                self.last = head.time;
                return Ok(Some(head));
            }
        }
    }

    /// Reads the body of a block; returns the record of a block that holds a frame, with its range
    /// counted from the start of the block.
    fn read_block(&mut self, block_type: u32, body: &[u8]) -> NextRecord {
        match block_type {
            SECTION => self.read_section(body).map(|()| None),
            INTERFACE => self.read_interface(body).map(|()| None),
            STATISTICS => self.read_statistics(body).map(|()| None),
            SIMPLE_PACKET => self.read_simple_packet(body),
            ENHANCED_PACKET => self.read_packet(body, self.order.u32(body, 0)),
            // The obsolete packet block has a 16-bit interface number and a drop count in the same
            // four bytes.
            _ => self.read_packet(body, self.order.u16(body, 0).into()),
        }
    }

    /// A section header: interfaces are described anew.
    fn read_section(&mut self, body: &[u8]) -> Result<(), Damage> {
        need(body, 8)?;
        let (major, minor) = (self.order.u16(body, 4), self.order.u16(body, 6));
        if major != 1 {
            return Err(Damage::Corrupt(format!(
                "a section is of pcapng version {major}.{minor}, which is not known"
            )));
        }
        self.past_drops = self.drops();
        self.interfaces.clear();
        Ok(())
    }

    /// An interface description.
    fn read_interface(&mut self, body: &[u8]) -> Result<(), Damage> {
        need(body, 8)?;
        if self.interfaces.len() >= INTERFACES {
            return Err(Damage::Corrupt(format!(
                "a section describes more than {INTERFACES} interfaces"
            )));
        }
        let mut clock = Clock { resolution: 6, offset: 0 };
        let mut name = None;
        for (code, value) in options(self.order, &body[8..]) {
            match (code, value.len()) {
                (OPTION_NAME, 1..) => {
                    let value = &value[..value.len().min(NAME_LEN)];
                    name = Some(String::from_utf8_lossy(value).into_owned());
                }
                (OPTION_RESOLUTION, 1) => clock.resolution = value[0],
                (OPTION_OFFSET, 8) => clock.offset = self.order.u64(value, 0) as i64,
                _ => {}
            }
        }
        self.interfaces.push(SectionInterface {
            link: LinkType(self.order.u16(body, 0)),
            snap_len: self.order.u32(body, 4),
            clock,
            drops: Drops::default(),
            name,
            number: None,
        });
        Ok(())
    }

    /// Interface statistics: drops so far.
    fn read_statistics(&mut self, body: &[u8]) -> Result<(), Damage> {
        need(body, 12)?;
        let order = self.order;
        let Some(interface) = self.interfaces.get_mut(order.u32(body, 0) as usize) else {
            return Ok(());
        };
        for (code, value) in options(order, &body[12..]) {
            match (code, value.len()) {
                (OPTION_INTERFACE_DROPS, 8) => interface.drops.interface = order.u64(value, 0),
                (OPTION_SYSTEM_DROPS, 8) => interface.drops.kernel = order.u64(value, 0),
                _ => {}
            }
        }
        Ok(())
    }

    /// A simple packet: of the first interface, cut to its snap length, without a time.
    fn read_simple_packet(&mut self, body: &[u8]) -> NextRecord {
        need(body, 4)?;
        let interface = self.interface(0)?;
        let wire_len = self.order.u32(body, 0);
        let limit =
            if interface.snap_len == 0 { wire_len } else { wire_len.min(interface.snap_len) };
        let (link, time) = (interface.link, self.last);
        RecordHeader {
            time,
            link,
            interface: self.number(0),
            wire_len,
            from: 4,
            to: 4 + limit as usize,
        }
        .within(body)
    }

    /// An enhanced or obsolete packet of the interface with this index.
    #[inline]
    fn read_packet(&mut self, body: &[u8], index: u32) -> NextRecord {
        need(body, 20)?;
        let interface = self.interface(index)?;
        let units = u64::from(self.order.u32(body, 4)) << 32 | u64::from(self.order.u32(body, 8));
        let captured = self.order.u32(body, 12) as usize;
        let wire_len = self.order.u32(body, 16);
        let (link, time) = (interface.link, interface.clock.time(units));
        RecordHeader {
            time,
            link,
            interface: self.number(index),
            wire_len,
            from: 20,
            to: 20 + captured,
        }
        .within(body)
    }

    fn interface(&self, index: u32) -> Result<&SectionInterface, Damage> {
        self.interfaces.get(index as usize).ok_or_else(|| {
            Damage::Corrupt(format!("a frame names interface {index}, which was not described"))
        })
    }
}

impl RecordHeader {
    /// Checks that the frame, whose range counts from the body of the block, lies in it; returns
    /// the record with the range counted from the start of the block.
    fn within(self, body: &[u8]) -> NextRecord {
        if self.to > body.len() {
            return Err(Damage::Corrupt(format!(
                "a frame of {} bytes overruns its block",
                self.to - self.from
            )));
        }
        Ok(Some(Self { from: BLOCK_HEADER + self.from, to: BLOCK_HEADER + self.to, ..self }))
    }
}

fn need(body: &[u8], len: usize) -> Result<(), Damage> {
    if body.len() < len {
        return Err(Damage::Corrupt(format!(
            "a block of {} bytes is too short for its kind",
            body.len()
        )));
    }
    Ok(())
}

/// The byte order of a section, given the first twelve bytes of its header.
fn section_order(header: &[u8]) -> Option<ByteOrder> {
    match ByteOrder::Little.u32(header, 8) {
        0x1a2b_3c4d => Some(ByteOrder::Little),
        0x4d3c_2b1a => Some(ByteOrder::Big),
        _ => None,
    }
}

/// The options of a block: code and value, up to the end marker or the first that does not fit.
fn options(order: ByteOrder, bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 4 {
            return None;
        }
        let (code, len) = (order.u16(rest, 0), usize::from(order.u16(rest, 2)));
        let value = rest.get(4..4 + len)?;
        rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        (code != 0).then_some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution_give_nanoseconds() {
        let time = |resolution, offset, units| Clock { resolution, offset }.time(units).0;
        assert_eq!(time(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(time(9, 10, 7), 10_000_000_007);
        assert_eq!(time(0x94, 0, 1 << 19), 500_000_000);
        assert_eq!(time(12, 0, 5_000), 5);
        assert_eq!(time(127, 0, u64::MAX), 0);
        assert_eq!(time(0xff, 0, u64::MAX), 0);
        assert_eq!(time(0, 0, u64::MAX), i64::MAX);
    }
}
