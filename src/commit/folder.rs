//! A folder that stays the same, whatever becomes of its path, and the files in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, fcntl_setfl, fstat, fsync, linkat, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

/// An open folder. The names of its files have no slash.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Folder {
    /// Opens a folder, also one that may only be written.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let open =
            |flags| openat(CWD, path, flags | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let opened = open(OFlags::RDONLY);
        #[cfg(target_os = "linux")]
        let opened = match opened {
            Err(Errno::ACCESS) => open(OFlags::PATH),
            opened => opened,
        };
        Ok(Self(opened?))
    }

    /// Whether the name is taken, also by a link to nothing.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        statat(self, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Creates a file that does not exist, and follows no link.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let everybody = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        Ok(openat(self, name, flags, everybody)?.into())
    }

    /// Removes a file, if there is one.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match unlinkat(self, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// Whether the name is that of this very file: in a folder of everybody's, another may have been
    /// put in its place.
    pub(super) fn is(&self, name: &OsStr, file: &File) -> bool {
        let by_name = statat(self, name, AtFlags::SYMLINK_NOFOLLOW);
        let identity = |stat: rustix::fs::Stat| (stat.st_dev, stat.st_ino);
        by_name.is_ok_and(|stat| fstat(file).is_ok_and(|own| identity(stat) == identity(own)))
    }

    /// Renames a file, in the place of another one if there is one.
    pub(super) fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(self, from, self, to)?)
    }

    /// Renames a file unless the name is taken.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        match renameat_with(self, from, self, to, RenameFlags::NOREPLACE) {
            // Not every file system has this way of renaming, and no Linux before 3.15.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.rename_by_link(from, to),
            renamed => Ok(renamed?),
        }
    }

    /// The same by a hard link, which never replaces a file.
    fn rename_by_link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        match linkat(self, from, self, to, AtFlags::empty()) {
            Ok(()) => Ok(unlinkat(self, from, AtFlags::empty())?),
            Err(Errno::EXIST) => Err(Errno::EXIST.into()),
            // Some file systems, such as exFAT, have no hard links.
            Err(_) if self.has(to) => Err(Errno::EXIST.into()),
            Err(_) => self.replace(from, to),
        }
    }

    /// Makes new names last. Not every file system can, and a name that is lost in a power failure
    /// is no reason to fail.
    pub(super) fn sync(&self) {
        let _ = fsync(self);
    }
}

/// Writes a file's bytes to the disk.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match fsync(file) {
        // There is nothing to sync, as in some file systems in user space.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::ROFS) => Ok(()),
        synced => Ok(synced?),
    }
}

/// Opens a device or a FIFO for writing, and does not wait for the reader of a FIFO.
///
/// # Errors
/// The system's reason; `ENXIO` where nothing reads from a FIFO.
pub(super) fn open_special(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags | OFlags::NONBLOCK, Mode::empty())?;
    // What is written later waits for the reader.
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file.into())
}

/// Whether that is why a FIFO could not be opened: nothing reads from it.
pub(super) fn has_no_reader(path: &Path, error: &io::Error) -> bool {
    let is_fifo = path.metadata().is_ok_and(|found| found.file_type().is_fifo());
    is_fifo && error.raw_os_error() == Some(Errno::NXIO.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn both_ways_of_renaming_replace_nothing() {
        for rename in [Folder::rename, Folder::rename_by_link] {
            let place = tempfile::tempdir().unwrap();
            let folder = Folder::open(place.path()).unwrap();
            folder.create("a".as_ref()).unwrap();
            rename(&folder, "a".as_ref(), "b".as_ref()).unwrap();
            assert_eq!(names(place.path()), ["b"]);
            folder.create("a".as_ref()).unwrap();
            let taken = rename(&folder, "a".as_ref(), "b".as_ref()).unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(names(place.path()), ["a", "b"]);
        }
    }

    #[test]
    fn no_link_is_followed_and_no_file_taken_over() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        fs::write(place.path().join("theirs"), "theirs").unwrap();
        for target in ["theirs", "nothing"] {
            std::os::unix::fs::symlink(target, place.path().join("a.part")).unwrap();
            let refused = folder.create("a.part".as_ref()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            folder.remove("a.part".as_ref()).unwrap();
        }
        assert_eq!(names(place.path()), ["theirs"]);
        assert_eq!(fs::read(place.path().join("theirs")).unwrap(), b"theirs");
    }

    #[test]
    fn another_file_of_the_same_name_is_another_file() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let file = folder.create("a".as_ref()).unwrap();
        assert!(folder.is("a".as_ref(), &file));
        fs::rename(place.path().join("a"), place.path().join("b")).unwrap();
        folder.create("a".as_ref()).unwrap();
        assert!(!folder.is("a".as_ref(), &file) && !folder.is("c".as_ref(), &file));
    }
}
