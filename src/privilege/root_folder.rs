//! An empty root folder: `man 2 chroot`. Only root can change it.

use nix::errno::Errno;
use nix::unistd::{Uid, chroot, fchdir};

use super::Enforcement;

/// Folders in which root can mostly make another one, and which others cannot change it in.
const PARENTS: [&str; 5] = ["/run", "/tmp", "/var/tmp", "/dev/shm", "/"];

/// Whether an empty folder can take the place of the system's: only root can do that.
pub(super) fn can_be_hidden() -> bool {
    Uid::effective().is_root()
}

/// Makes an empty folder the root folder and the current folder of the process. Nobody can put
/// anything into it, because it is removed at once; it exists as long as the process does.
///
/// Unavailable where root lacks the capability, or can make a folder nowhere.
pub(super) fn enter_empty() -> Result<Enforcement, String> {
    let failed =
        |errno: Errno| format!("the root folder cannot be hidden: {}", errno.desc().to_lowercase());
    let mut first = None;
    for parent in PARENTS {
        match enter_removed_in(parent) {
            Ok(()) => {
                let entries = std::fs::read_dir("/");
                let is_empty = entries.is_ok_and(|mut entries| entries.next().is_none());
                return if is_empty {
                    Ok(Enforcement::Full)
                } else {
                    Err(failed(Errno::ENOTEMPTY))
                };
            }
            Err(errno @ (Errno::EMFILE | Errno::ENFILE)) => return Err(failed(errno)),
            Err(errno) => first = first.or(Some(errno)),
        }
    }
    Ok(Enforcement::Unavailable(failed(first.unwrap_or(Errno::ENOENT))))
}

fn enter_removed_in(parent: &str) -> nix::Result<()> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
    let errno = |errno: rustix::io::Errno| Errno::from_raw(errno.raw_os_error());
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let parent = openat(CWD, parent, folder, Mode::empty()).map_err(errno)?;
    let name = format!(".portlore-{}", std::process::id());
    mkdirat(&parent, &name, Mode::empty()).map_err(errno)?;
    let empty = openat(&parent, &name, folder, Mode::empty()).map_err(errno);
    // Refused where it is not the empty folder that was made.
    unlinkat(&parent, &name, AtFlags::REMOVEDIR).map_err(errno)?;
    fchdir(empty?)?;
    chroot(".")
}
