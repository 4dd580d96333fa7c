//! How far regular files were read, as the system knows it: reading itself counts nothing.

use std::fs::File;
use std::io::Seek;

/// For each file a second handle, which shares its position, and the length.
#[derive(Debug, Default)]
pub struct FilePositions {
    files: Vec<(File, u64)>,
}

impl FilePositions {
    pub(super) fn add(&mut self, file: &File) {
        if let (Ok(handle), Ok(metadata)) = (file.try_clone(), file.metadata()) {
            self.files.push((handle, metadata.len()));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Number of bytes that were read; of compressed files, compressed bytes.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|(file, len)| Some((&*file).stream_position().ok()?.min(*len)))
            .sum()
    }

    /// Number of bytes of all files.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.files.iter().map(|(_, len)| len).sum()
    }
}
