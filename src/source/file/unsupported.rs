//! Files that are no supported captures: the name of the format, by the first bytes, and how to
//! convert it.

use super::compressed::Compression;
use crate::{Error, ErrorKind};

/// Formats that wiretap, and so `editcap`, reads: first bytes and name.
/// <https://gitlab.com/wireshark/wireshark/-/tree/master/wiretap>.
const CAPTURES: &[(&[u8], &str)] = &[
    (b"snoop\0\0\0", "a snoop capture (Solaris)"),
    (b"iptrace 1.0", "an iptrace capture (AIX)"),
    (b"iptrace 2.0", "an iptrace capture (AIX)"),
    (b"RTSS", "a capture of Microsoft's Network Monitor 1"),
    (b"GMBU", "a capture of Microsoft's Network Monitor 2 or 3"),
    (b"TRSNIFF data    \x1a", "a Sniffer capture (DOS)"),
    (b"XCP\0", "a Sniffer capture (Windows)"),
    (b"VL\0\0", "a NetXRay capture"),
    (b"\x05VNF", "a capture of Visual Networks"),
    (b"btsnoop\0", "a btsnoop capture of Bluetooth"),
    (b"\xaa\xaa\xaa\xaa", "a 5View capture"),
    (b"\x7fver", "an OmniPeek capture"),
    (b"\x01\x10", "a LANalyzer capture"),
    (b"\0\0\x02\0\x12\x05\0\x10", "a K12 capture (Tektronix)"),
    (b"\x54\x52\x00\x64\x00", "a nettl trace (HP-UX)"),
    (b"\x1c\0\x01\xac", "a capture of Ixia's hardware"),
    (b"\xac\x01\0\x1c", "a capture of Ixia's hardware"),
    (b"\x1c\0\x01\xab", "a capture of Ixia's software"),
    (b"\xab\x01\0\x1c", "a capture of Ixia's software"),
    (b"\xa1\xb2\x34\xcd", "a pcap file in a variant that no known tool writes (fmesquita)"),
    (b"\xcd\x34\xb2\xa1", "a pcap file in a variant that no known tool writes (fmesquita)"),
    (b"\xa1\x2b\x3c\x4d", "a pcap file in Navtel's variant"),
    (b"\x4d\x3c\x2b\xa1", "a pcap file in Navtel's variant"),
    (b"{\"log\":", "an HTTP archive (HAR)"),
];

/// Containers: first bytes, name, and the command that unpacks them.
const CONTAINERS: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE | portlore replay -"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z e -so FILE | portlore replay -"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar p -inul FILE | portlore replay -"),
    (b"\x1f\x9d", "compressed with compress", "uncompress -c FILE | portlore replay -"),
    (b"\x1f\xa0", "compressed with compress", "uncompress -c FILE | portlore replay -"),
    (b"\x5d\0\0", "compressed with lzma", "xz -dc FILE | portlore replay -"),
    (b"LZIP", "compressed with lzip", "lzip -dc FILE | portlore replay -"),
    (b"\x89LZO\0", "compressed with lzop", "lzop -dc FILE | portlore replay -"),
    (b"\xff\x06\0\0sNaPpY", "compressed with snappy", "snzip -dc FILE | portlore replay -"),
];

/// The error of a file with these first bytes.
pub(super) fn describe(first: &[u8]) -> Error {
    let error = |reason: String| Error::new(ErrorKind::Input, reason);
    let is = |magic: &[u8]| first.starts_with(magic);
    if let Some((_, name, command)) = CONTAINERS.iter().find(|(magic, ..)| is(magic)) {
        return error(format!("is {name}, not a capture file; read it with `{command}`"));
    }
    if let Some(again) = Compression::from_magic(first) {
        let reason = format!("is compressed a second time, with {again}");
        return error(reason).with_remedy("decompress it once before");
    }
    let named = CAPTURES.iter().find(|(magic, _)| is(magic)).map(|(_, name)| *name);
    if let Some(name) =
        named.or_else(|| is_erf(first).then_some("probably an ERF capture (Endace)"))
    {
        return error(format!(
            "is {name}, which is not supported; convert it with `editcap -F pcapng IN OUT`"
        ));
    }
    let begin: Vec<String> = first.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    error(format!("is not a capture file (its first bytes are {})", begin.join(" "))).with_remedy(
        "portlore reads pcap and pcapng; convert other capture formats with `editcap -F pcap IN OUT`",
    )
}

/// Endace's records have no magic: time (little-endian, seconds in the upper half), type, flags,
/// then in big-endian the length of the record, a counter, the length on the wire.
/// <https://www.endace.com/erf-extensible-record-format-types.pdf>.
fn is_erf(first: &[u8]) -> bool {
    /// The years 2000 to 2100.
    const SECONDS: std::ops::Range<u32> = 946_684_800..4_102_444_800;
    const TYPES: std::ops::RangeInclusive<u8> = 1..=48;
    const HEADER: u16 = 16;
    let &[_, _, _, _, s0, s1, s2, s3, kind, _, r0, r1, _, _, w0, w1, ..] = first else {
        return false;
    };
    let (record, wire) = (u16::from_be_bytes([r0, r1]), u16::from_be_bytes([w0, w1]));
    SECONDS.contains(&u32::from_le_bytes([s0, s1, s2, s3]))
        && TYPES.contains(&(kind & 0x7f))
        && record > HEADER
        && wire > 0
        && record <= wire.saturating_add(HEADER + 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_are_called_by_their_names_with_a_remedy() {
        for (first, name) in [
            (&b"snoop\0\0\0\0\0\0\x02"[..], "a snoop capture"),
            (b"iptrace 2.0\0", "an iptrace capture"),
            (b"GMBU\0\x02", "Network Monitor 2"),
            (b"TRSNIFF data    \x1a", "a Sniffer capture"),
            (b"XCP\0\x002.00", "a Sniffer capture"),
            (b"btsnoop\0\0\0\0\x01", "btsnoop"),
            (b"\x4d\x3c\x2b\xa1\x02\0\x04\0", "Navtel"),
            (
                &[0, 0, 0, 0x80, 0x5c, 0x5d, 0x2f, 0x66, 2, 4, 0, 0x58, 0, 0, 0, 0x46],
                "an ERF capture",
            ),
        ] {
            let line = describe(first).to_string();
            assert!(line.contains(name) && line.contains("editcap -F pcapng"), "{line}");
        }
        assert!(
            describe(b"PK\x03\x04\x14\0")
                .to_string()
                .contains("a zip archive, not a capture file; read it with `unzip -p")
        );
        assert!(
            describe(b"\x89PNG\r\n")
                .to_string()
                .contains("is not a capture file (its first bytes are 89 50 4e 47)")
        );
        assert!(describe(b"ab").to_string().contains("(its first bytes are 61 62)"));
    }
}
