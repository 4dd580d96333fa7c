//! What the system says of a process that holds a socket.

use procfs::process::Process;

use super::container::{from_cgroup, from_proxy};
use super::holder::{Holder, shortened};
use super::users::Users;

impl Holder {
    /// Reads the description of a process; `None` if the process is gone.
    pub(super) fn read(process: &Process, users: &Users) -> Option<Self> {
        let stat = process.stat().ok()?;
        let groups = process.cgroups().map(|groups| groups.0).unwrap_or_default();
        let words = process.cmdline().unwrap_or_default();
        Some(Self {
            name: stat.comm,
            pid: process.pid,
            command: shortened(&words),
            user: users.name(process.uid().ok()?),
            container: groups
                .iter()
                .find_map(|group| from_cgroup(&group.pathname))
                .or_else(|| from_proxy(&words)),
        })
    }
}
