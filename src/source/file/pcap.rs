//! Classic pcap: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html>, both byte
//! orders, micro- and nanoseconds, and the variants of [`Variant`].

use super::buffer::Buffer;
use super::record::{Damage, MAX_FRAME, NextRecord, RecordHeader, TimeOrigin};
use super::variant::{FILE_HEADER, Variant};
use crate::source::LinkType;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Nanoseconds that the fraction of a second may have. Seconds have 32 bits and always fit.
const MAX_FRACTION: i64 = 999_999_999;

/// A classic pcap file behind its header.
pub(super) struct Pcap {
    variant: Variant,
    /// Bytes of the current record, to be skipped by the next advance.
    current: usize,
}

impl Pcap {
    /// Whether a file with these first four bytes is classic pcap.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        Variant::is_magic(magic)
    }

    /// Reads the file header.
    pub(super) fn open(buffer: &mut Buffer) -> Result<Self> {
        let there = buffer
            .wait(FILE_HEADER)
            .map_err(|error| Error::new(ErrorKind::Input, error.to_string()))?;
        if there < FILE_HEADER {
            let reason = format!("the pcap header is incomplete: {there} of {FILE_HEADER} bytes");
            return Err(Error::new(ErrorKind::Input, reason));
        }
        let variant = Variant::from_first_bytes(buffer.more())?;
        buffer.skip(FILE_HEADER);
        Ok(Self { variant, current: 0 })
    }

    /// The link type of all frames.
    pub(super) const fn link(&self) -> LinkType {
        self.variant.link
    }

    #[inline]
    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> NextRecord {
        let Variant { order, unit, record_header, link, .. } = self.variant;
        buffer.skip(self.current);
        self.current = 0;
        let there = buffer.want(record_header)?;
        if there == 0 {
            return Ok(None);
        }
        if there < record_header {
            return Err(Damage::Cut { promised: record_header, there });
        }
        let header = buffer.get(record_header);
        let (captured, wire_len) = self.variant.lengths(header);
        let captured = captured as usize;
        if captured > MAX_FRAME {
            return Err(Damage::Corrupt(format!("a record claims to have {captured} bytes")));
        }
        let fraction = i64::from(order.u32(header, 4)) * unit;
        let origin =
            if fraction <= MAX_FRACTION { TimeOrigin::Stated } else { TimeOrigin::Clamped };
        let head = RecordHeader {
            time: Time::new(i64::from(order.u32(header, 0)), fraction.min(MAX_FRACTION)),
            origin,
            link,
            interface: 0,
            wire_len,
            from: record_header,
            to: record_header + captured,
        };
        let there = buffer.want(head.to)?;
        if there < head.to {
            return Err(Damage::Cut { promised: captured, there: there - record_header });
        }
        self.current = head.to;
        Ok(Some(head))
    }

    /// Passes the records behind the current one that the window holds whole, as far as nothing is
    /// wrong or notable about them: one loop costs a fifth of an [`advance`](Self::advance) for
    /// each, which goes on behind them. `take` gets time, bytes on the wire and the range of the
    /// captured bytes in the window.
    pub(super) fn pass(
        &mut self,
        buffer: &Buffer,
        mut take: impl FnMut(Time, u32, std::ops::Range<usize>),
    ) {
        let Variant { order, unit, record_header, .. } = self.variant;
        let window = buffer.window();
        while let Some(header) = window.get(self.current..).and_then(<[u8]>::first_chunk::<16>) {
            let (captured, wire_len) = self.variant.lengths(header);
            let fraction = i64::from(order.u32(header, 4)) * unit;
            let from = self.current + record_header;
            let to = from + captured as usize;
            if captured as usize > MAX_FRAME || fraction > MAX_FRACTION || to > window.len() {
                break;
            }
            let time = Time::new(i64::from(order.u32(header, 0)), fraction);
            take(time, wire_len, from..to);
            self.current = to;
        }
    }
}
