//! An empty root folder: `man 2 chroot`. Only root can change it.

#[cfg(target_os = "linux")]
use nix::unistd::{chroot, fchdir};

/// Folders in which root can mostly make another one, and which others cannot change it in.
#[cfg(target_os = "linux")]
const PARENTS: [&str; 5] = ["/run", "/tmp", "/var/tmp", "/dev/shm", "/"];

/// Makes an empty folder the root folder and the current folder of the process. Nobody can put
/// anything into it, because it is removed at once; it exists as long as the process does.
#[cfg(target_os = "linux")]
pub(super) fn enter_empty() -> Result<(), String> {
    let mut reason = None;
    for parent in PARENTS {
        match enter_removed_in(parent) {
            Ok(()) => {
                let is_empty =
                    std::fs::read_dir("/").is_ok_and(|mut entries| entries.next().is_none());
                return if is_empty { Ok(()) } else { Err(failed("it is not empty")) };
            }
            Err(errno) => reason = reason.or(Some(errno)),
        }
    }
    Err(failed(&reason.map(std::io::Error::from).map_or_else(String::new, |e| e.to_string())))
}

#[cfg(target_os = "linux")]
fn enter_removed_in(parent: &str) -> rustix::io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let parent = openat(CWD, parent, folder, Mode::empty())?;
    let name = format!(".portlore-{}", std::process::id());
    mkdirat(&parent, &name, Mode::empty())?;
    let entered = openat(&parent, &name, folder, Mode::empty()).and_then(|empty| {
        fchdir(empty).map_err(|errno| rustix::io::Errno::from_raw_os_error(errno as i32))
    });
    // Refused where it is not the empty folder that was made.
    unlinkat(&parent, &name, AtFlags::REMOVEDIR)?;
    entered?;
    chroot(".").map_err(|errno| rustix::io::Errno::from_raw_os_error(errno as i32))
}

#[cfg(target_os = "linux")]
fn failed(reason: &str) -> String {
    format!("the root folder cannot be hidden: {reason}")
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn enter_empty() -> Result<(), String> {
    Ok(())
}
