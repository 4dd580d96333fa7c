//! A folder by its path, and the files in it. No descriptor stands for a folder here: nothing is
//! taken over all the same, because files are created only where their name is free.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::{file_id, path_id};

/// A folder. The names of its files have no slash.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes a folder that there is.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Its path stays the same if the process changes its own folder.
        fs::canonicalize(path).map(Self)
    }

    /// Whether the name is taken, also by a link to nothing.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        self.0.join(name).symlink_metadata().is_ok()
    }

    /// Creates a file that does not exist, and follows no link.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        File::options().write(true).create_new(true).open(self.0.join(name))
    }

    /// Removes a file, if there is one.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Whether the name is that of this very file.
    pub(super) fn is(&self, name: &OsStr, file: &File) -> bool {
        let path = self.0.join(name);
        let (Ok(found), Ok(own)) = (path.symlink_metadata(), file.metadata()) else { return false };
        path_id(&path, &found) == file_id(file, &own)
    }

    /// Renames a file, in the place of another one if there is one.
    pub(super) fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    /// Renames a file unless the name is taken.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        // A hard link never replaces a file.
        match fs::hard_link(self.0.join(from), self.0.join(to)) {
            Ok(()) => fs::remove_file(self.0.join(from)),
            // Some file systems, such as exFAT, have no hard links.
            Err(_) if self.has(to) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => self.replace(from, to),
        }
    }

    /// New names last without being asked to.
    #[allow(clippy::unused_self, reason = "one signature for all systems")]
    pub(super) fn sync(&self) {}
}

/// Writes a file's bytes to the disk.
pub(super) fn sync(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Opens a device for writing.
///
/// # Errors
/// The system's reason.
pub(super) fn open_special(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// No FIFO has a path.
pub(super) fn has_no_reader(_: &Path, _: &io::Error) -> bool {
    false
}
