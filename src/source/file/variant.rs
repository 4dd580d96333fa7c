//! The variant of classic pcap that a file has, by its header and its first records. Several
//! systems changed the records and not the magic;
//! <https://gitlab.com/wireshark/wireshark/-/blob/master/wiretap/libpcap.c> describes them.

use super::buffer::ByteOrder;
use crate::source::LinkType;
use crate::{Error, ErrorKind, Result};

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 24;

/// Maximum bytes of a record that programs of that time captured.
const MAX_SNAP: u32 = 256 << 10;

/// Number of records that must be plausible before a longer record header is assumed.
const RECORDS: usize = 3;

/// The order of the two lengths of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lengths {
    /// Captured bytes first: version 2.4.
    Captured,
    /// Bytes on the wire first: before version 2.3, and version 543 of DG/UX.
    Wire,
    /// The smaller one is that of the captured bytes: programs differed in version 2.3.
    Shorter,
}

/// The layout of the records of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) order: ByteOrder,
    /// Nanoseconds per unit of the second time field.
    pub(super) unit: i64,
    pub(super) record_header: usize,
    pub(super) lengths: Lengths,
    pub(super) link: LinkType,
}

impl Variant {
    /// Whether a file with these first four bytes is classic pcap.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        by_magic(magic).is_some()
    }

    /// The variant of a file with these first bytes, as many as there are.
    ///
    /// # Errors
    /// A version that is documented nowhere.
    pub(super) fn from_first_bytes(first: &[u8]) -> Result<Self> {
        let magic = std::array::from_fn(|i| first.get(i).copied().unwrap_or(0));
        let (order, unit, record_headers) =
            by_magic(magic).ok_or_else(|| Error::new(ErrorKind::Input, "not a pcap file"))?;
        let (major, minor) = (order.u16(first, 4), order.u16(first, 6));
        let lengths = match (major, minor) {
            (2, 0..3) | (543, _) => Lengths::Wire,
            (2, 3) => Lengths::Shorter,
            (2, _) => Lengths::Captured,
            _ => {
                return Err(Error::new(ErrorKind::Input, format!("unknown pcap version {major}"))
                    .with_remedy("convert it with `editcap -F pcap`"));
            }
        };
        // The upper half holds the length of the frame check sequence, which is of no use here.
        let link = LinkType((order.u32(first, 20) & 0xffff) as u16);
        let standard = Self { order, unit, record_header: record_headers[0], lengths, link };
        if (major, minor, record_headers[0]) == (2, 2, 16)
            && let Some(link) = aix(link)
        {
            return Ok(Self { unit: 1, link, ..standard });
        }
        let records = first.get(FILE_HEADER..).unwrap_or_default();
        if lengths != Lengths::Captured || standard.fits(records).is_some() {
            return Ok(standard);
        }
        let longer =
            record_headers[1..].iter().map(|&record_header| Self { record_header, ..standard });
        Ok(longer
            .into_iter()
            .find(|variant| variant.fits(records) >= Some(RECORDS))
            .unwrap_or(standard))
    }

    /// Captured length and length on the wire, in a record header.
    #[inline]
    pub(super) fn lengths(&self, header: &[u8]) -> (u32, u32) {
        let (first, second) = (self.order.u32(header, 8), self.order.u32(header, 12));
        match self.lengths {
            Lengths::Captured => (first, second),
            Lengths::Wire => (second, first),
            Lengths::Shorter => (first.min(second), first.max(second)),
        }
    }

    /// How many of the first few records are plausible; `None` if one is not.
    fn fits(&self, mut records: &[u8]) -> Option<usize> {
        for fitting in 0..RECORDS {
            let Some(header) = records.get(..self.record_header) else { return Some(fitting) };
            let (captured, wire) = self.lengths(header);
            let fraction = i64::from(self.order.u32(header, 4)) * self.unit;
            if captured > MAX_SNAP || captured > wire || fraction >= 1_000_000_000 {
                return None;
            }
            records = records.get(self.record_header + captured as usize..).unwrap_or_default();
        }
        Some(RECORDS)
    }
}

/// AIX numbers link types as SNMP does (RFC 1573, `ifType`), in files of version 2.2 with
/// nanoseconds. Elsewhere these numbers stood for what hardly anybody captured.
fn aix(number: LinkType) -> Option<LinkType> {
    Some(match number.0 {
        6 => LinkType::ETHERNET,
        // Token ring.
        9 => LinkType(6),
        15 => LinkType::FDDI,
        24 => LinkType::NULL,
        _ => return None,
    })
}

/// Byte order, nanoseconds per unit of the second time field, and sizes of the record header: the
/// usual one first.
fn by_magic(magic: [u8; 4]) -> Option<(ByteOrder, i64, &'static [usize])> {
    let by_order = |word: u32| -> Option<(i64, &'static [usize])> {
        match word {
            // Four more bytes: Nokia. Eight more: Red Hat 6.1.
            0xa1b2_c3d4 => Some((1_000, &[16, 20, 24])),
            0xa1b2_3c4d => Some((1, &[16])),
            // Kuznetzov's patch, and that of SuSE 6.3.
            0xa1b2_cd34 => Some((1_000, &[24, 28])),
            _ => None,
        }
    };
    if let Some((unit, headers)) = by_order(u32::from_le_bytes(magic)) {
        return Some((ByteOrder::Little, unit, headers));
    }
    by_order(u32::from_be_bytes(magic)).map(|(unit, headers)| (ByteOrder::Big, unit, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A big-endian file with records of two bytes and the given lengths.
    fn file(
        magic: u32,
        version: (u16, u16),
        link: u32,
        record_header: usize,
        lengths: (u32, u32),
        records: usize,
    ) -> Vec<u8> {
        let mut file = magic.to_be_bytes().to_vec();
        [version.0, version.1].iter().for_each(|half| file.extend(half.to_be_bytes()));
        file.extend([0; 8]);
        file.extend(65_535_u32.to_be_bytes());
        file.extend(link.to_be_bytes());
        for _ in 0..records {
            [1_700_000_000, 999_999, lengths.0, lengths.1]
                .iter()
                .for_each(|word: &u32| file.extend(word.to_be_bytes()));
            file.extend(vec![0xff; record_header - 16]);
            file.extend([0xaa; 2]);
        }
        file
    }

    #[test]
    fn records_that_systems_made_longer_are_known_by_their_third() {
        for (magic, headers) in [(0xa1b2_c3d4, &[16, 20, 24][..]), (0xa1b2_cd34, &[24, 28])] {
            for &header in headers {
                let file = file(magic, (2, 4), 1, header, (2, 2), 3);
                assert_eq!(
                    Variant::from_first_bytes(&file).unwrap().record_header,
                    header,
                    "{magic:x}"
                );
                // A pipe may have delivered only the first record: the usual size is assumed.
                assert_eq!(
                    Variant::from_first_bytes(&file[..FILE_HEADER + header + 2])
                        .unwrap()
                        .record_header,
                    headers[0]
                );
            }
        }
    }

    #[test]
    fn old_versions_have_their_lengths_the_other_way_round() {
        let lengths = |version, lengths| {
            let file = file(0xa1b2_c3d4, version, 1, 16, lengths, 1);
            Variant::from_first_bytes(&file).unwrap().lengths(&file[FILE_HEADER..])
        };
        assert_eq!(lengths((2, 4), (2, 60)), (2, 60));
        assert_eq!((lengths((2, 3), (2, 60)), lengths((2, 3), (60, 2))), ((2, 60), (2, 60)));
        assert_eq!((lengths((2, 2), (60, 2)), lengths((543, 0), (60, 2))), ((2, 60), (2, 60)));
        assert!(
            Variant::from_first_bytes(&file(0xa1b2_c3d4, (3, 0), 1, 16, (2, 2), 1))
                .unwrap_err()
                .to_string()
                .contains("version 3")
        );
    }

    #[test]
    fn aix_is_known_by_its_version_and_its_link_types() {
        let of = |version, link| {
            let variant =
                Variant::from_first_bytes(&file(0xa1b2_c3d4, version, link, 16, (60, 2), 1))
                    .unwrap();
            (variant.unit, variant.link)
        };
        assert_eq!(of((2, 2), 6), (1, LinkType::ETHERNET));
        assert_eq!(of((2, 2), 24), (1, LinkType::NULL));
        assert_eq!(
            (of((2, 2), 1), of((2, 4), 6)),
            ((1_000, LinkType::ETHERNET), (1_000, LinkType(6)))
        );
    }
}
