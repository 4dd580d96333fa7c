//! The files in which a capture is saved. A file that is being written has a temporary name.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Suffix of the name while the file is being written.
const UNFINISHED: &str = ".part";

/// One file, or a series of rotated files.
pub(super) struct RotatedFiles {
    path: PathBuf,
    /// Number of the current file of a series; `None` for a single file.
    row: Option<u32>,
    /// Maximum number of whole files of the series; 0 for no limit.
    keep: usize,
    whole: VecDeque<PathBuf>,
    file: File,
    name: PathBuf,
    /// Bytes of whole blocks in the current file.
    good: u64,
}

impl RotatedFiles {
    /// Creates the first file.
    pub(super) fn create(path: &Path, row: bool, keep: usize) -> io::Result<Self> {
        let row = row.then_some(1);
        let (file, name) = create(path, row)?;
        Ok(Self { path: path.to_owned(), row, keep, whole: VecDeque::new(), file, name, good: 0 })
    }

    /// Appends whole blocks.
    pub(super) fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        self.file.write_all(blocks)?;
        self.good += blocks.len() as u64;
        Ok(())
    }

    /// Ends the current file and begins the next.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.rename()?;
        self.row = self.row.map(|n| n + 1);
        (self.file, self.name) = create(&self.path, self.row)?;
        self.good = 0;
        Ok(())
    }

    /// Ends the last file. A block that was not written whole because the disk is full is cut off;
    /// a file without any block is removed.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.good == 0 {
            return fs::remove_file(unfinished(&self.name));
        }
        self.file.set_len(self.good)?;
        self.rename()
    }

    fn rename(&mut self) -> io::Result<()> {
        fs::rename(unfinished(&self.name), &self.name)?;
        self.whole.push_back(self.name.clone());
        while self.keep > 0 && self.whole.len() > self.keep {
            self.whole.pop_front().map_or(Ok(()), fs::remove_file)?;
        }
        Ok(())
    }
}

fn create(path: &Path, row: Option<u32>) -> io::Result<(File, PathBuf)> {
    let name = match row {
        Some(number) => numbered(path, number, jiff::Timestamp::now()),
        None => path.to_owned(),
    };
    Ok((File::create(unfinished(&name))?, name))
}

/// `captures/show.pcapng` becomes `captures/show_00001_20261127T150000Z.pcapng`: sorted by name,
/// and new with every run.
fn numbered(path: &Path, number: u32, now: jiff::Timestamp) -> PathBuf {
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let ending = path
        .extension()
        .map_or_else(String::new, |ending| format!(".{}", ending.to_string_lossy()));
    let name = format!(
        "{}_{number:05}_{}{ending}",
        part(path.file_stem()),
        now.strftime("%Y%m%dT%H%M%SZ")
    );
    path.with_file_name(name)
}

fn unfinished(name: &Path) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_single_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = RotatedFiles::create(&folder.path().join("a.pcapng"), false, 0).unwrap();
        files.write(b"block").unwrap();
        assert_eq!(names(folder.path()), ["a.pcapng.part"]);
        // Half a block, as a full disk leaves it.
        files.file.write_all(b"blo").unwrap();
        files.finish().unwrap();
        assert_eq!(names(folder.path()), ["a.pcapng"]);
        assert_eq!(fs::read(folder.path().join("a.pcapng")).unwrap(), b"block");
    }

    #[test]
    fn a_file_without_a_block_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        RotatedFiles::create(&folder.path().join("a.pcapng"), false, 0).unwrap().finish().unwrap();
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn of_a_row_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = RotatedFiles::create(&folder.path().join("a.pcapng"), true, 2).unwrap();
        for n in 1..=5 {
            files.write(&[n]).unwrap();
            if n < 5 {
                files.rotate().unwrap();
            }
        }
        files.finish().unwrap();
        let left = names(folder.path());
        assert_eq!(left.len(), 2);
        assert!(
            left[0].starts_with("a_00004_")
                && left[1].starts_with("a_00005_")
                && left[1].ends_with("Z.pcapng"),
            "{left:?}"
        );
        assert_eq!(fs::read(folder.path().join(&left[1])).unwrap(), [5]);
    }
}
