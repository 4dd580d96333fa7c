//! The file of a snapshot: eight bytes that tell it from other files, the number of the format, and
//! sections. Each has its length as stored and unpacked, a checksum of the stored bytes, and the bytes,
//! compressed with zstd. Numbers are little-endian.

use std::io::Read;

use sha2::{Digest, Sha256};

/// The first bytes of a snapshot. Neither text nor any capture begins so, and a transfer as text
/// changes them.
const MAGIC: [u8; 8] = *b"\x93PLORE\r\n";
/// The number of the format that is written.
const FORMAT: u32 = 1;
/// Bytes of a section before its content: two lengths and a checksum.
const HEADER: usize = 24;
/// Bytes of a section that is unpacked at most: with the most flows and openings that the command
/// line allows, a shard takes no more.
const LARGEST: u64 = 6 << 30;
/// Fast rather than small: what is open is written once a run.
const LEVEL: i32 = 1;

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContainerFault {
    /// It is a capture.
    Capture,
    /// It is something else.
    Foreign,
    /// It has this format, which is not known.
    Later(u32),
    /// It ends too early.
    Cut,
    /// A checksum is wrong.
    Checksum,
    /// What it holds cannot be.
    Damaged(&'static str),
}

/// A file that is being made.
#[derive(Debug)]
pub(super) struct Container(Vec<u8>);

impl Default for Container {
    fn default() -> Self {
        Self([&MAGIC[..], &FORMAT.to_le_bytes()].concat())
    }
}

impl Container {
    /// Adds a section.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        // Fails only where memory does.
        let stored = zstd::bulk::compress(bytes, LEVEL).unwrap_or_default();
        self.0.extend((stored.len() as u64).to_le_bytes());
        self.0.extend((bytes.len() as u64).to_le_bytes());
        self.0.extend(checksum(&stored));
        self.0.extend(stored);
    }

    /// The bytes of the file.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// The sections of a file, unpacked one after the other.
pub(super) fn sections(
    bytes: &[u8],
) -> Result<impl Iterator<Item = Result<Vec<u8>, ContainerFault>>, ContainerFault> {
    let mut rest = content(bytes)?;
    Ok(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let section = section(&mut rest);
        if section.is_err() {
            rest = &[];
        }
        Some(section)
    }))
}

/// The section behind so many others, which are passed over.
pub(super) fn section_behind(bytes: &[u8], others: usize) -> Result<Vec<u8>, ContainerFault> {
    let mut rest = content(bytes)?;
    for _ in 0..others {
        rest = StoredSection::first(rest)?.behind;
    }
    section(&mut rest)
}

/// The bytes of a file up to the end of its first section, by the bytes with which it begins.
pub(super) fn first_end(beginning: &[u8]) -> u64 {
    let stored = content(beginning).map_or(0, |rest| number(rest, 0));
    (MAGIC.len() + size_of_val(&FORMAT) + HEADER) as u64 + stored
}

/// The sections of a file of this format.
fn content(bytes: &[u8]) -> Result<&[u8], ContainerFault> {
    let known = bytes.len().min(MAGIC.len());
    if bytes.is_empty() || bytes[..known] != MAGIC[..known] {
        return Err(if is_capture(bytes) {
            ContainerFault::Capture
        } else {
            ContainerFault::Foreign
        });
    }
    let format =
        bytes.get(MAGIC.len()..).and_then(|rest| rest.first_chunk()).ok_or(ContainerFault::Cut)?;
    match u32::from_le_bytes(*format) {
        FORMAT => Ok(bytes.get(MAGIC.len() + format.len()..).unwrap_or(&[])),
        later @ FORMAT.. => Err(ContainerFault::Later(later)),
        _ => Err(ContainerFault::Damaged("no format has this number")),
    }
}

/// Takes the next section.
fn section(rest: &mut &[u8]) -> Result<Vec<u8>, ContainerFault> {
    let StoredSection { header, stored, behind } = StoredSection::first(rest)?;
    if header.get(16..) != Some(&checksum(stored)[..]) {
        return Err(ContainerFault::Checksum);
    }
    *rest = behind;
    unpack(stored, number(header, 8))
}

/// A section as it is stored, and what is behind it.
struct StoredSection<'b> {
    header: &'b [u8],
    stored: &'b [u8],
    behind: &'b [u8],
}

impl<'b> StoredSection<'b> {
    /// The first of the sections that are left.
    fn first(rest: &'b [u8]) -> Result<Self, ContainerFault> {
        let (header, behind) = rest.split_at_checked(HEADER).ok_or(ContainerFault::Cut)?;
        let stored = usize::try_from(number(header, 0)).ok();
        let stored = stored.and_then(|stored| behind.split_at_checked(stored));
        let (stored, behind) = stored.ok_or(ContainerFault::Cut)?;
        Ok(Self { header, stored, behind })
    }
}

/// The number at a place of a header.
fn number(header: &[u8], at: usize) -> u64 {
    let bytes = header.get(at..).and_then(|rest| rest.first_chunk()).copied();
    u64::from_le_bytes(bytes.unwrap_or_default())
}

/// Unpacks a section of this length. Memory grows with what is there, not with what is stated.
fn unpack(stored: &[u8], len: u64) -> Result<Vec<u8>, ContainerFault> {
    const BAD: ContainerFault = ContainerFault::Damaged("a section cannot be unpacked");
    if len > LARGEST {
        return Err(ContainerFault::Damaged("a section is too large"));
    }
    let mut bytes = Vec::new();
    let mut decoder = zstd::stream::read::Decoder::new(stored).map_err(|_| BAD)?;
    decoder.by_ref().take(len + 1).read_to_end(&mut bytes).map_err(|_| BAD)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(BAD) }
}

/// The first eight bytes of a hash: enough against damage by chance.
fn checksum(bytes: &[u8]) -> [u8; 8] {
    let hash = Sha256::digest(bytes);
    std::array::from_fn(|i| hash.get(i).copied().unwrap_or_default())
}

/// Whether these are the first bytes of a capture, or of a compressed file.
fn is_capture(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 9] = [
        &[0xd4, 0xc3, 0xb2, 0xa1],
        &[0xa1, 0xb2, 0xc3, 0xd4],
        &[0x4d, 0x3c, 0xb2, 0xa1],
        &[0xa1, 0xb2, 0x3c, 0x4d],
        &[0x0a, 0x0d, 0x0d, 0x0a],
        &[0x1f, 0x8b],
        &[0x28, 0xb5, 0x2f, 0xfd],
        &[0xfd, b'7', b'z'],
        b"BZh",
    ];
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ContainerFault> {
        sections(bytes)?.collect()
    }

    fn file() -> Vec<u8> {
        let mut container = Container::default();
        container.add(b"first");
        container.add(&[7; 5000]);
        container.add(b"");
        container.finish()
    }

    #[test]
    fn sections_come_back() {
        let sections = [b"first".to_vec(), vec![7; 5000], Vec::new()];
        assert_eq!(read(&file()).unwrap(), sections);
        for (others, section) in sections.into_iter().enumerate() {
            assert_eq!(section_behind(&file(), others), Ok(section));
        }
        assert_eq!(section_behind(&file(), 3), Err(ContainerFault::Cut));
    }

    #[test]
    fn a_file_that_is_cut_or_changed_anywhere_is_refused() {
        let file = file();
        for at in 0..file.len() {
            let cut = read(&file[..at]).map(|sections| sections.len());
            assert!(cut.is_err() || cut.is_ok_and(|sections| sections < 3), "{at}");
            let mut changed = file.clone();
            changed[at] ^= 0x55;
            assert!(read(&changed).is_err(), "{at}");
        }
    }

    #[test]
    fn other_files_and_later_formats_are_told() {
        assert_eq!(read(b""), Err(ContainerFault::Foreign));
        assert_eq!(read(b"PK\x03\x04"), Err(ContainerFault::Foreign));
        assert_eq!(read(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]), Err(ContainerFault::Capture));
        let later = [&MAGIC[..], &7_u32.to_le_bytes()].concat();
        assert_eq!(read(&later), Err(ContainerFault::Later(7)));
    }
}
