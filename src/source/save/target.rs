//! What an output path names: a file, which is not to be overwritten, or something that holds no
//! data, such as `/dev/null`, a FIFO or standard output.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::{Error, ErrorKind};

/// The error about a file that exists and is not to be overwritten.
#[must_use]
pub fn exists_already(path: &Path) -> Error {
    Error::new(ErrorKind::Output, "already exists")
        .with_object(path.display())
        .with_remedy("use --force to overwrite it, or choose another name")
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
    descriptor(path).is_some() || path.metadata().is_ok_and(holds_none)
}

/// Opens what is no file: a device, a FIFO, or one of the descriptors that this process has open,
/// such as `/dev/stdout`. `None` for everything else. A FIFO waits for its reader.
///
/// # Errors
/// It cannot be opened.
#[must_use]
pub fn open_special(path: &Path) -> Option<io::Result<File>> {
    // What the shell has opened goes on where it is, also in a file that is appended to.
    match descriptor(path) {
        Some(1) => return Some(io::stdout().as_fd().try_clone_to_owned().map(File::from)),
        Some(2) => return Some(io::stderr().as_fd().try_clone_to_owned().map(File::from)),
        Some(_) => return Some(OpenOptions::new().append(true).open(path)),
        None => {}
    }
    let metadata = path.metadata().ok()?;
    (!metadata.is_file() && !metadata.is_dir()).then(|| OpenOptions::new().write(true).open(path))
}

/// Whether the path names a descriptor that this process has open.
#[must_use]
pub fn is_descriptor(path: &Path) -> bool {
    descriptor(path).is_some()
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
