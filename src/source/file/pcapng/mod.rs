//! pcapng: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>. Several sections of
//! either byte order, several interfaces of any link type and clock.
//!
//! Records that hold no packet but have a number in Wireshark are frames without bytes, so that
//! numbers agree; other blocks are skipped. What states no time has that of the frame before; the
//! first frames that of the first one which states a time.

mod ahead;
mod blocks;
mod clock;
mod section;

use self::ahead::{TimeAhead, units};
use self::blocks::{
    BLOCK_FRAME, BLOCK_HEADER, BlockStart, ENHANCED_PACKET, FOREIGN_BYTES, INTERFACE,
    OBSOLETE_PACKET, SECTION, SIMPLE_PACKET, STATISTICS, options, section_order,
};
use self::section::{MAX_INTERFACES, SectionInterface, SectionInterfaces};
use super::buffer::{Buffer, ByteOrder};
use super::record::{Damage, MAX_FRAME, NextRecord, RecordHeader, TimeOrigin, clamped};
use crate::sentence::plural;
use crate::source::{Drops, LinkType};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Maximum number of interfaces with a name of their own; those beyond share one.
const NAMED: usize = 1 << 10;

/// Option codes: `isb_ifdrop`, `isb_osdrop`.
const OPTION_INTERFACE_DROPS: u16 = 5;
const OPTION_SYSTEM_DROPS: u16 = 7;

/// A pcapng file within a section.
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: SectionInterfaces,
    /// Names of the interfaces that had frames, of all sections.
    names: Vec<String>,
    /// Number of the interface to which records without a packet belong.
    without_packets: Option<u32>,
    /// Drops of the sections that are over.
    past_drops: Drops,
    /// Time of the last frame.
    last: Option<Time>,
    /// The time of the first frames, which state none.
    ahead: TimeAhead,
    /// A frame stated a time.
    has_time: bool,
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
            return Err(fail(format!(
                "the pcapng section header is incomplete: {there} of 28 bytes"
            )));
        }
        let order = section_order(buffer.get(12))
            .ok_or_else(|| fail("the pcapng byte-order magic is broken".into()))?;
        Ok(Self {
            order,
            interfaces: SectionInterfaces::default(),
            names: Vec::new(),
            without_packets: None,
            past_drops: Drops::default(),
            last: None,
            ahead: TimeAhead::default(),
            has_time: false,
            current: 0,
        })
    }

    /// The name of an interface that had frames.
    pub(super) fn interface_name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    /// A new number for an interface with frames.
    fn new_number(&mut self, name: impl FnOnce(&SectionInterfaces) -> String) -> u32 {
        if self.names.len() < NAMED {
            self.names.push(name(&self.interfaces));
        } else if self.names.len() == NAMED {
            self.names.push("others".into());
        }
        self.names.len() as u32 - 1
    }

    /// The number of an interface among those that had frames.
    #[cold]
    fn number(&mut self, index: u32) -> u32 {
        let number = self.new_number(|interfaces| interfaces.name(index));
        self.interfaces.set_number(index, number);
        number
    }

    /// Drops that the capturing tool recorded.
    pub(super) const fn drops(&self) -> Drops {
        let (past, now) = (self.past_drops, self.interfaces.drops());
        Drops {
            kernel: past.kernel.saturating_add(now.kernel),
            interface: past.interface.saturating_add(now.interface),
        }
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
            let start = BlockStart::read(buffer.get(BLOCK_FRAME), &mut self.order)
                .ok_or_else(|| Damage::Corrupt("a section's byte-order magic is broken".into()))?;
            let BlockStart { block_type, stated } = start;
            if stated < BLOCK_FRAME {
                return Err(Damage::Corrupt(format!("a block claims to have {stated} bytes")));
            }
            if !matches!(
                block_type,
                SECTION
                    | INTERFACE
                    | STATISTICS
                    | SIMPLE_PACKET
                    | OBSOLETE_PACKET
                    | ENHANCED_PACKET
            ) {
                match self.foreign(buffer, start)? {
                    None => continue,
                    record => return Ok(record),
                }
            }
            let total = start.total();
            if total > MAX_FRAME {
                return Err(Damage::Corrupt(format!("a block claims to have {total} bytes")));
            }
            let there = buffer.want(total)?;
            if there < total {
                return Err(Damage::Cut { promised: total, there });
            }
            if self.order.u32(buffer.get(total), total - 4) as usize != stated {
                return Err(Damage::Corrupt("the two lengths of a block differ".into()));
            }
            if block_type == SIMPLE_PACKET && self.last.is_none() {
                self.look_ahead(buffer)?;
            }
            self.current = total;
            if let Some(head) =
                self.read_block(block_type, buffer.range(BLOCK_HEADER, total - 4))?
            {
                self.last = Some(head.time);
                return Ok(Some(head));
            }
        }
    }

    /// Skips a block that holds no packet; returns its record if it has a number in Wireshark.
    #[cold]
    fn foreign(&mut self, buffer: &mut Buffer, start: BlockStart) -> NextRecord {
        let total = start.total();
        let record = start.foreign_record();
        let mut stated = None;
        if let Some(record) = record {
            let shown = total.min(BLOCK_FRAME + FOREIGN_BYTES);
            let there = buffer.want(shown)?;
            let body = buffer.range(BLOCK_HEADER, there.min(total - 4).max(BLOCK_HEADER));
            stated = record.nanoseconds(self.order, body).map(clamped);
            if stated.is_none() && self.last.is_none() {
                self.look_ahead(buffer)?;
            }
        }
        match buffer.discard(total)? {
            0 => {}
            missing => return Err(Damage::Cut { promised: total, there: total - missing }),
        }
        if record.is_none() {
            return Ok(None);
        }
        let (time, origin) = stated.unwrap_or_else(|| self.untold());
        let interface = match self.without_packets {
            Some(number) => number,
            None => self.new_number(|_| "records without packets".into()),
        };
        self.without_packets = Some(interface);
        self.has_time |= stated.is_some();
        self.last = Some(time);
        Ok(Some(RecordHeader {
            time,
            origin,
            link: LinkType::NO_PACKET,
            interface,
            wire_len: 0,
            from: 0,
            to: 0,
        }))
    }

    /// Finds the time of the first frames.
    #[cold]
    fn look_ahead(&mut self, buffer: &mut Buffer) -> Result<(), Damage> {
        let clocks = self.interfaces.clocks().collect();
        self.last = Some(self.ahead.find(buffer, self.order, clocks)?.unwrap_or_default());
        Ok(())
    }

    /// The time of a frame that states none.
    fn untold(&self) -> (Time, TimeOrigin) {
        let origin = if self.has_time { TimeOrigin::Before } else { TimeOrigin::Ahead };
        (self.last.unwrap_or_default(), origin)
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
                "a section has the unsupported pcapng version {major}.{minor}"
            )));
        }
        self.past_drops = self.drops();
        self.interfaces = SectionInterfaces::default();
        Ok(())
    }

    /// An interface description.
    fn read_interface(&mut self, body: &[u8]) -> Result<(), Damage> {
        need(body, 8)?;
        if self.interfaces.add(self.order, body) {
            return Ok(());
        }
        Err(Damage::Corrupt(format!(
            "a section describes more than {MAX_INTERFACES} interfaces, the limit"
        )))
    }

    /// Interface statistics: drops so far.
    fn read_statistics(&mut self, body: &[u8]) -> Result<(), Damage> {
        need(body, 12)?;
        let order = self.order;
        for (code, value) in options(order, &body[12..]) {
            let number = order.u64(value, 0);
            let index = order.u32(body, 0);
            match (code, value.len()) {
                (OPTION_INTERFACE_DROPS, 8) => {
                    self.interfaces.change_drops(index, |drops| drops.interface = number);
                }
                (OPTION_SYSTEM_DROPS, 8) => {
                    self.interfaces.change_drops(index, |drops| drops.kernel = number);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A simple packet: of the first interface, cut to its snap length, without a time.
    fn read_simple_packet(&mut self, body: &[u8]) -> NextRecord {
        need(body, 4)?;
        let &SectionInterface { link, snap_len, .. } = self.interface(0)?;
        let number = self.interface(0)?.number();
        let wire_len = self.order.u32(body, 0);
        let limit = if snap_len == 0 { wire_len } else { wire_len.min(snap_len) };
        let (time, origin) = self.untold();
        RecordHeader {
            time,
            origin,
            link,
            interface: number.unwrap_or_else(|| self.number(0)),
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
        let captured = self.order.u32(body, 12) as usize;
        let wire_len = self.order.u32(body, 16);
        let (link, number) = (interface.link, interface.number());
        let (time, origin) = interface.clock().time(units(self.order, body));
        self.has_time = true;
        RecordHeader {
            time,
            origin,
            link,
            interface: number.unwrap_or_else(|| self.number(index)),
            wire_len,
            from: 20,
            to: 20 + captured,
        }
        .within(body)
    }

    #[inline]
    fn interface(&self, index: u32) -> Result<&SectionInterface, Damage> {
        self.interfaces.get(index).ok_or_else(|| {
            Damage::Corrupt(format!("a packet refers to interface {index}, which is not described"))
        })
    }
}

impl RecordHeader {
    /// Checks that the frame, whose range counts from the body of the block, lies in it; returns
    /// the record with the range counted from the start of the block.
    fn within(self, body: &[u8]) -> NextRecord {
        if self.to > body.len() {
            return Err(Damage::Corrupt(format!(
                "a packet of {} overruns its block",
                plural((self.to - self.from) as u64, "byte")
            )));
        }
        Ok(Some(Self { from: BLOCK_HEADER + self.from, to: BLOCK_HEADER + self.to, ..self }))
    }
}

fn need(body: &[u8], len: usize) -> Result<(), Damage> {
    if body.len() < len {
        return Err(Damage::Corrupt(format!(
            "a block of {} is too short for its type",
            plural(body.len() as u64, "byte")
        )));
    }
    Ok(())
}
