//! What an output path names: a file, which is not to be overwritten, or something that holds no
//! data, such as `/dev/null`, a FIFO or standard output.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The name of a file while it is being written.
#[must_use]
pub fn unfinished(name: &Path) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The folder in which a path names a file.
#[must_use]
pub fn parent_folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Whether writing there destroys data: a regular file or a disk.
#[must_use]
pub fn holds_data(metadata: &Metadata) -> bool {
    metadata.is_file() || metadata.file_type().is_block_device()
}

/// Whether the path names something that writing does not destroy: a device, a FIFO, or one of the
/// descriptors that this process has open, whatever the shell has connected it to.
#[must_use]
pub fn is_special(path: &Path) -> bool {
    let holds_none = |metadata: Metadata| !holds_data(&metadata) && !metadata.is_dir();
    is_descriptor(path) || path.metadata().is_ok_and(holds_none)
}

/// Opens one of the descriptors that this process has open, such as `/dev/stdout`. `None` for
/// everything else.
///
/// # Errors
/// It cannot be opened.
#[must_use]
pub fn open_descriptor(path: &Path) -> Option<io::Result<File>> {
    // What the shell has opened goes on where it is, also in a file that is appended to.
    Some(match descriptor(path)? {
        1 => io::stdout().as_fd().try_clone_to_owned().map(File::from),
        2 => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        _ => OpenOptions::new().append(true).open(path),
    })
}

/// Whether the path names a descriptor that this process has open.
#[must_use]
pub fn is_descriptor(path: &Path) -> bool {
    descriptor(path).is_some()
}

/// Whether the path names this process's standard output.
#[must_use]
pub fn is_standard_output(path: &Path) -> bool {
    descriptor(path) == Some(1)
}

/// The number of the open descriptor that a path names.
fn descriptor(path: &Path) -> Option<u32> {
    match path.to_str()? {
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        name => {
            let number = name.strip_prefix("/dev/fd/").or(name.strip_prefix("/proc/self/fd/"));
            number.and_then(|number| number.parse().ok())
        }
    }
}
