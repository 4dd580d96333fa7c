//! What an output path names: a file, which is not to be overwritten, or something that holds no
//! data, such as `/dev/null`, a FIFO or standard output.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::{self, holds_data};

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

/// Whether the path names something that writing does not destroy: a device, a FIFO, or one of the
/// descriptors that this process has open, whatever the shell has connected it to.
#[must_use]
pub fn is_special(path: &Path) -> bool {
    let holds_none = |metadata: std::fs::Metadata| !holds_data(&metadata) && !metadata.is_dir();
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
        1 => platform::standard_output(),
        2 => platform::standard_error(),
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
