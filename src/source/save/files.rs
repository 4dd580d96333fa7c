//! The files in which a capture is saved. A file that is being written has a temporary name.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::target::{exists_already, is_special, open_special};
use crate::{Error, ErrorKind, Result};

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
    /// Name of the current file once it is whole; `None` for a device, a FIFO or an open
    /// descriptor, which is written as it is.
    name: Option<PathBuf>,
    /// Whether a single file may replace one that exists.
    force: bool,
    /// Bytes of whole blocks in the current file.
    good: u64,
}

impl RotatedFiles {
    /// Creates the first file. A series takes names that are free; a single file may replace one
    /// that exists only with `force`.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where a file exists already or cannot be created.
    pub(super) fn create(path: &Path, row: bool, keep: usize, force: bool) -> Result<Self> {
        let mut row = row.then_some(1);
        let (file, name) = match &mut row {
            Some(number) => {
                let (file, name) =
                    create_next(path, number).map_err(|e| cannot_create(path, &e))?;
                (file, Some(name))
            }
            None => create_single(path, force)?,
        };
        Ok(Self {
            path: path.to_owned(),
            row,
            keep,
            whole: VecDeque::new(),
            file,
            name,
            force,
            good: 0,
        })
    }

    /// Appends whole blocks.
    pub(super) fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        self.file.write_all(blocks)?;
        self.good += blocks.len() as u64;
        Ok(())
    }

    /// Ends the current file and begins the next.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.publish()?;
        if let Some(number) = &mut self.row {
            *number += 1;
            let (file, name) = create_next(&self.path, number)?;
            (self.file, self.name) = (file, Some(name));
        }
        self.good = 0;
        Ok(())
    }

    /// Ends the last file. A block that was not written whole because the disk is full is cut off;
    /// a file without any block is removed.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        if self.good == 0 {
            return fs::remove_file(unfinished(name));
        }
        self.file.set_len(self.good)?;
        self.publish()
    }

    /// Gives the current file its name.
    fn publish(&mut self) -> io::Result<()> {
        let Some(mut name) = self.name.take() else { return Ok(()) };
        let part = unfinished(&name);
        let mut published = if self.force && self.row.is_none() {
            fs::rename(&part, &name)
        } else {
            rename_new(&part, &name)
        };
        // In a series the next free number serves as well.
        while let (Some(number), true) = (&mut self.row, is_taken(&published)) {
            *number += 1;
            name = numbered(&self.path, *number, jiff::Timestamp::now());
            published = rename_new(&part, &name);
        }
        if is_taken(&published) {
            let part = part.display();
            let reason = format!("another file took this name meanwhile; the capture is in {part}");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        published?;
        self.whole.push_back(name);
        while self.keep > 0 && self.whole.len() > self.keep {
            self.whole.pop_front().map_or(Ok(()), fs::remove_file)?;
        }
        Ok(())
    }
}

/// Creates a single file under its temporary name, or opens what is no file.
fn create_single(path: &Path, force: bool) -> Result<(File, Option<PathBuf>)> {
    check_single(path, force)?;
    if let Some(special) = open_special(path) {
        return special.map(|file| (file, None)).map_err(|error| cannot_create(path, &error));
    }
    let part = unfinished(path);
    // Not truncated: what is planted there may be a link or a FIFO.
    let removed = if force { fs::remove_file(&part) } else { Ok(()) };
    let created = match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => create_new(&part),
    };
    match created {
        Ok(file) => Ok((file, Some(path.to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists_already(&part)),
        Err(error) => Err(cannot_create(path, &error)),
    }
}

/// Creates a file that does not exist. Only for writing: Landlock forbids reading there.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Refuses a single file that would replace one that exists, or whose temporary name is taken.
///
/// # Errors
/// [`ErrorKind::Output`] where a file exists already and `force` is not given.
pub fn check_single(path: &Path, force: bool) -> Result<()> {
    if force || is_special(path) {
        return Ok(());
    }
    let names = [path.to_owned(), unfinished(path)];
    let taken = names.into_iter().find(|name| name.symlink_metadata().is_ok());
    taken.map_or(Ok(()), |path| Err(exists_already(&path)))
}

/// Creates the next file of a series under its temporary name, with the first number from `number`
/// on whose names are free.
fn create_next(path: &Path, number: &mut u32) -> io::Result<(File, PathBuf)> {
    loop {
        let name = numbered(path, *number, jiff::Timestamp::now());
        let created = match name.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => create_new(&unfinished(&name)),
        };
        if !is_taken(&created) {
            return created.map(|file| (file, name));
        }
        *number += 1;
    }
}

/// Renames a file unless the new name is taken.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    // A hard link never replaces a file, and exists on every Unix.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems, such as exFAT, have no hard links.
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

fn is_taken<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

fn cannot_create(path: &Path, error: &io::Error) -> Error {
    let reason =
        format!("cannot be created, because portlore drops its root privileges first: {error}");
    Error::new(ErrorKind::Output, reason)
        .with_object(path.display())
        .with_remedy("choose another folder, or another user with --user")
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

/// The name of a file while it is being written.
#[must_use]
pub fn unfinished(name: &Path) -> PathBuf {
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
        let mut files =
            RotatedFiles::create(&folder.path().join("a.pcapng"), false, 0, false).unwrap();
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
        RotatedFiles::create(&folder.path().join("a.pcapng"), false, 0, false)
            .unwrap()
            .finish()
            .unwrap();
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn of_a_row_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut files =
            RotatedFiles::create(&folder.path().join("a.pcapng"), true, 2, false).unwrap();
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

    #[test]
    fn names_of_a_series_that_are_taken_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcapng");
        let now = jiff::Timestamp::now();
        // Names of the seconds in which the test runs.
        for second in 0..60 {
            let time = now + jiff::SignedDuration::from_secs(second);
            fs::write(numbered(&path, 1, time), "evidence").unwrap();
            fs::write(unfinished(&numbered(&path, 2, time)), "evidence").unwrap();
        }
        let before = names(folder.path());
        let mut files = RotatedFiles::create(&path, true, 0, true).unwrap();
        files.write(b"one").unwrap();
        let first = files.name.clone().unwrap();
        assert!(first.to_string_lossy().contains("a_00003_"), "{first:?}");
        // Taken while it is written.
        fs::write(&first, "evidence").unwrap();
        files.finish().unwrap();
        let after = names(folder.path());
        assert_eq!(after.len(), before.len() + 2, "{after:?}");
        let last = after.iter().find(|name| name.starts_with("a_00004_")).unwrap();
        for name in &after {
            let expected = if name == last { &b"one"[..] } else { b"evidence" };
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), expected, "{name}");
        }
    }
}
