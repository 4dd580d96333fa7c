//! The functions on Unix.

use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
#[cfg(target_os = "linux")]
use nix::sys::stat::Mode;
use nix::time::{ClockId, clock_gettime};
#[cfg(feature = "cli")]
use rustix::net::RecvFlags;

/// Flags with which descriptors are received: no program that is started later has them. Other systems
/// have no such flag, and portlore starts no program after that.
#[cfg(all(feature = "cli", target_os = "linux"))]
pub const RECEIVING: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(all(feature = "cli", not(target_os = "linux")))]
pub const RECEIVING: RecvFlags = RecvFlags::empty();

/// Device and inode of the file at a path, whose metadata is given.
#[must_use]
pub fn path_id(_: &Path, metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Device and inode of an open file, whose metadata is given.
#[must_use]
pub fn file_id(_: &File, metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Device and inode of an entry of a folder, whose metadata is given, unless the entry is a link or a
/// mount; `None` where a listing does not tell.
#[must_use]
pub fn entry_id(entry: &DirEntry, folder: &Metadata) -> Option<(u64, u64)> {
    Some((folder.dev(), entry.ino()))
}

/// Whether writing there destroys data: a regular file or a disk.
#[must_use]
pub fn holds_data(metadata: &Metadata) -> bool {
    metadata.is_file() || metadata.file_type().is_block_device()
}

/// Opens a file for reading without waiting: a FIFO that nobody writes to is waited for when it is
/// read, which a signal may end.
///
/// # Errors
/// Those of the system.
pub fn open_at_once(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

/// Reads at an offset; the place from which the file is read on stays as it is.
///
/// # Errors
/// Those of the system.
pub fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(into, offset)
}

/// Standard input as a file of its own.
///
/// # Errors
/// It is closed, or there is no descriptor left.
pub fn standard_input() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Standard output as a file of its own.
///
/// # Errors
/// As [`standard_input`].
pub fn standard_output() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Standard error as a file of its own.
///
/// # Errors
/// As [`standard_input`].
pub fn standard_error() -> io::Result<File> {
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

/// Waits until a pipe has bytes, or has ended. Returns whether that came before the time was over.
///
/// # Errors
/// Those of the system.
pub fn wait_for_bytes(pipe: &File, milliseconds: u16) -> io::Result<bool> {
    let mut pipes = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    match poll(&mut pipes, PollTimeout::from(milliseconds)) {
        Ok(0) | Err(Errno::EINTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Puts the controlling terminal in the place of standard input. Returns whether there is one.
#[must_use]
pub fn take_terminal() -> bool {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    terminal.is_ok_and(|terminal| nix::unistd::dup2_stdin(terminal).is_ok())
}

/// Raises the limit of open files as far as the system allows, if it is lower than `wanted`.
pub fn allow_files(wanted: u64) {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < wanted
    {
        // If the limit is too low, opening a file reports it.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard);
    }
}

/// The CPU time of the calling thread; zero on a system without such a clock.
#[must_use]
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map(Duration::from).unwrap_or_default()
}

/// A temporary file in a folder that never has a name, to be written and read.
///
/// # Errors
/// Those of the system.
#[cfg(target_os = "linux")]
pub fn nameless_file(folder: &Path) -> io::Result<File> {
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    Ok(nix::fcntl::open(folder, flags, Mode::S_IRUSR | Mode::S_IWUSR)?.into())
}

/// A temporary file in a folder that has a name for a moment, to be written and read.
///
/// # Errors
/// Those of the system.
#[cfg(not(target_os = "linux"))]
pub fn nameless_file(folder: &Path) -> io::Result<File> {
    let (file, name) = nix::unistd::mkstemp(&folder.join("portlore-XXXXXX"))?;
    std::fs::remove_file(name)?;
    Ok(file.into())
}

/// Turns transparent huge pages off. Tables and openings are thousands of small allocations: huge
/// pages took up to twice as much memory and saved no time (`benches/README.md`).
#[cfg(target_os = "linux")]
pub fn use_small_pages() {
    // Where the system refuses, the program uses more memory and nothing else changes.
    let _ = nix::sys::prctl::set_thp_disable(true);
}

/// Pages are as the system has them.
#[cfg(not(target_os = "linux"))]
pub const fn use_small_pages() {}
