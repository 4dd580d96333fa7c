//! The functions on Windows.

use std::fs::{DirEntry, File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::AsHandle;
use std::path::Path;
use std::time::Duration;

use winapi_util::{AsHandleRef, Handle, file};

/// The number of the volume and that of the file at a path; zeros where the file cannot be opened.
#[must_use]
pub fn path_id(path: &Path, _: &Metadata) -> (u64, u64) {
    Handle::from_path_any(path).map(|handle| id(&handle)).unwrap_or_default()
}

/// The number of the volume and that of an open file.
#[must_use]
pub fn file_id(open: &File, _: &Metadata) -> (u64, u64) {
    id(open)
}

fn id(handle: impl AsHandleRef) -> (u64, u64) {
    file::information(handle)
        .map(|found| (found.volume_serial_number(), found.file_index()))
        .unwrap_or_default()
}

/// A listing does not tell the numbers of files.
#[must_use]
pub fn entry_id(_: &DirEntry, _: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Whether writing there destroys data.
#[must_use]
pub fn holds_data(metadata: &Metadata) -> bool {
    metadata.is_file()
}

/// Opens a file for reading, which others may write, rename and remove meanwhile.
///
/// # Errors
/// Those of the system.
pub fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Reads at an offset; the place from which the file is read on stays as it is.
///
/// # Errors
/// Those of the system.
pub fn read_at(mut file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    // The system moves the place.
    let place = file.stream_position()?;
    let read = file.seek_read(into, offset);
    file.seek(SeekFrom::Start(place))?;
    read
}

/// Standard input as a file of its own.
///
/// # Errors
/// It is closed, or there is no handle left.
pub fn standard_input() -> io::Result<File> {
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

/// Standard output as a file of its own.
///
/// # Errors
/// As [`standard_input`].
pub fn standard_output() -> io::Result<File> {
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}

/// Standard error as a file of its own.
///
/// # Errors
/// As [`standard_input`].
pub fn standard_error() -> io::Result<File> {
    io::stderr().as_handle().try_clone_to_owned().map(File::from)
}

/// Says that there are bytes: reading waits for them.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub fn wait_for_bytes(_: &File, _: u16) -> io::Result<bool> {
    Ok(true)
}

/// The console cannot take the place of standard input.
#[must_use]
pub fn take_terminal() -> bool {
    false
}

/// The system has no limit that a process could raise.
pub fn allow_files(_: u64) {}

/// No clock of the thread: its work is not counted.
#[must_use]
pub fn thread_time() -> Duration {
    Duration::ZERO
}

/// `FILE_FLAG_DELETE_ON_CLOSE`, `CreateFileW`.
const DELETE_ON_CLOSE: u32 = 0x0400_0000;

/// A temporary file in a folder, to be written and read, which is removed when it is closed.
///
/// # Errors
/// Those of the system.
pub fn nameless_file(folder: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true).custom_flags(DELETE_ON_CLOSE);
    let name = |number| folder.join(format!("portlore-{}-{number}.tmp", std::process::id()));
    let mut file = options.open(name(0));
    // Left by a process that had this number before, or another file of this process.
    for number in 1..1000 {
        match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                file = options.open(name(number));
            }
            opened => return opened,
        }
    }
    file
}

/// Pages are as the system has them.
pub const fn use_small_pages() {}
