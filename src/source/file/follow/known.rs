//! The files that were read, each in 32 bytes: by device, inode, digest of the first bytes and
//! number of bytes read.

use std::collections::HashMap;

/// Maximum number of files that are known: 128 MiB of memory.
pub(super) const MAX_KNOWN: usize = 1 << 22;
/// Bytes of a file under a digest: more than any header, so that a frame is among them. In its next
/// round of a ring, a file has the same header and another frame.
pub(super) const DIGESTED: u64 = 1 << 10;
/// Number of parts of the table as a power of two: an insertion moves half a part.
const PARTS_LOG2: u32 = 10;

/// What is kept of a file, beside its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownFile {
    pub(super) inode: u64,
    /// Digest of the first `min(taken, DIGESTED)` bytes.
    pub(super) digest: u64,
    /// Number of bytes that were read; 0 for a file that is no capture.
    pub(super) taken: u64,
    /// Hash of the time of the last modification at which the file had this digest; 0 if that time
    /// was too recent to rely on.
    pub(super) modified: u32,
    /// Hash of the name in its folder.
    pub(super) name: u16,
    /// Whether a problem was reported that the file went on.
    pub(super) is_reported: bool,
    /// Whether a search for files that are gone has met the file.
    pub(super) is_present: bool,
}

const _: () = assert!(size_of::<KnownFile>() == 32);

/// The files of one device, in parts by a hash of the inode, in each part by inode. A table of
/// sorted parts takes little more than its files, where a hash table takes up to three times that
/// while it grows.
type DeviceFiles = Vec<Vec<KnownFile>>;

/// All files that are known.
pub(super) struct KnownFiles {
    devices: HashMap<u64, DeviceFiles>,
    len: usize,
    limit: usize,
}

impl KnownFiles {
    pub(super) fn new(limit: usize) -> Self {
        Self { devices: HashMap::new(), len: 0, limit }
    }

    /// Number of files beyond `more` for which there is no room.
    pub(super) fn excess(&self, more: usize) -> usize {
        (self.len + more).saturating_sub(self.limit)
    }

    pub(super) fn get_mut(&mut self, device: u64, inode: u64) -> Option<&mut KnownFile> {
        let part = &mut self.devices.get_mut(&device)?[part(inode)];
        let at = part.binary_search_by_key(&inode, |file| file.inode).ok()?;
        Some(&mut part[at])
    }

    /// Adds a file, or replaces the one with the same device and inode. Returns false if there is
    /// no room.
    #[must_use]
    pub(super) fn insert(&mut self, device: u64, file: KnownFile) -> bool {
        let parts = self.devices.entry(device).or_insert_with(|| vec![Vec::new(); 1 << PARTS_LOG2]);
        let part = &mut parts[part(file.inode)];
        match part.binary_search_by_key(&file.inode, |known| known.inode) {
            Ok(at) => part[at] = file,
            Err(_) if self.len >= self.limit => return false,
            Err(at) => {
                if part.len() == part.capacity() {
                    part.reserve_exact(part.len() / 8 + 4);
                }
                part.insert(at, file);
                self.len += 1;
            }
        }
        true
    }

    /// Marks every file as absent, before a search for those that are gone.
    pub(super) fn mark_absent(&mut self) {
        for file in self.devices.values_mut().flatten().flatten() {
            file.is_present = false;
        }
    }

    /// Forgets the files that are still marked as absent.
    pub(super) fn forget_absent(&mut self) {
        for part in self.devices.values_mut().flatten() {
            part.retain(|file| file.is_present);
        }
        self.len = self.devices.values().flatten().map(Vec::len).sum();
    }
}

/// The part of an inode. Inodes are consecutive, or multiples of a power of two: Fibonacci hashing
/// spreads both.
const fn part(inode: u64) -> usize {
    (inode.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PARTS_LOG2)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(inode: u64, taken: u64) -> KnownFile {
        KnownFile {
            inode,
            digest: 0,
            taken,
            modified: 0,
            name: 0,
            is_reported: false,
            is_present: false,
        }
    }

    #[test]
    fn files_are_found_by_device_and_inode_and_replaced_in_place() {
        let mut known = KnownFiles::new(100_000);
        for inode in (0..50_000).rev() {
            assert!(known.insert(1, file(inode, inode)) && known.insert(2, file(inode, 7)));
        }
        assert_eq!(known.excess(1), 1);
        assert!(!known.insert(1, file(50_000, 1)) && known.insert(1, file(49_999, 3)));
        assert_eq!(known.get_mut(1, 49_999), Some(&mut file(49_999, 3)));
        assert_eq!(known.get_mut(1, 12_345), Some(&mut file(12_345, 12_345)));
        assert_eq!(known.get_mut(2, 12_345), Some(&mut file(12_345, 7)));
        assert_eq!(known.get_mut(1, 50_000), None);
        assert_eq!(known.get_mut(3, 1), None);
    }

    #[test]
    fn what_is_gone_makes_room() {
        let mut known = KnownFiles::new(2);
        assert!(known.insert(1, file(1, 1)) && known.insert(1, file(2, 1)));
        assert!(!known.insert(1, file(3, 1)));
        known.mark_absent();
        known.get_mut(1, 2).unwrap().is_present = true;
        known.forget_absent();
        assert!(known.get_mut(1, 1).is_none() && known.insert(1, file(3, 1)));
        assert_eq!(known.excess(1), 1);
    }

    #[test]
    fn consecutive_and_aligned_inodes_fill_the_parts_alike() {
        for step in [1, 2, 64, 1 << 12] {
            let mut lens = vec![0; 1 << PARTS_LOG2];
            (0..1 << 16).for_each(|i| lens[part(i * step)] += 1);
            assert!(lens.iter().all(|&len| (32..128).contains(&len)), "{step}: {lens:?}");
        }
    }
}
