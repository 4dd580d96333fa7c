//! Which processes hold a socket, by its inode: every descriptor of every process is looked at, at
//! most so often that it costs a small part of a core.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use procfs::process::{FDTarget, all_processes};

use super::Holder;
use super::budget::Budget;
use super::users::Users;

/// What was seen stays good for this long: a process may fork, or end.
const FRESH: Duration = Duration::from_secs(1);

/// The holders of sockets as they were at the last look.
pub(super) struct Descriptors {
    users: Users,
    budget: Budget,
    seen: Option<Instant>,
    holders: HashMap<u64, Vec<Arc<Holder>>>,
    /// Some processes could not be looked into.
    hidden: bool,
}

impl Descriptors {
    pub(super) fn new(users: Users) -> Self {
        Self { users, budget: Budget::new(), seen: None, holders: HashMap::new(), hidden: false }
    }

    /// The holders of a socket, by their ids; empty where none was seen.
    pub(super) fn holders(&self, inode: u64) -> &[Arc<Holder>] {
        self.holders.get(&inode).map_or(&[], Vec::as_slice)
    }

    /// Whether some processes could not be looked into.
    pub(super) const fn hidden(&self) -> bool {
        self.hidden
    }

    /// The name of a user.
    pub(super) fn user(&self, id: u32) -> String {
        self.users.name(id)
    }

    /// Whether these sockets were all seen a short while ago.
    pub(super) fn knows(&self, mut inodes: impl Iterator<Item = u64>) -> bool {
        self.seen.is_some_and(|when| when.elapsed() < FRESH)
            && inodes.all(|inode| self.holders.contains_key(&inode))
    }

    /// How long until it may look again.
    pub(super) fn wait(&self) -> Duration {
        self.budget.wait()
    }

    /// Looks at every process.
    pub(super) fn look(&mut self) {
        let start = Instant::now();
        self.holders.clear();
        self.hidden = false;
        // A process may end, or be hidden, between any two of these questions: then it is left out.
        for process in all_processes().into_iter().flatten().flatten() {
            let Ok(descriptors) = process.fd() else {
                self.hidden |= process.is_alive();
                continue;
            };
            let mut holder = None;
            for descriptor in descriptors.flatten() {
                let FDTarget::Socket(inode) = descriptor.target else { continue };
                if holder.is_none() {
                    holder = Holder::read(&process, &self.users).map(Arc::new);
                }
                let holders = self.holders.entry(inode).or_default();
                if let Some(holder) = &holder
                    && !holders.iter().any(|known| known.pid == holder.pid)
                {
                    holders.push(Arc::clone(holder));
                }
            }
        }
        for holders in self.holders.values_mut() {
            holders.sort_by_key(|holder| holder.pid);
        }
        self.seen = Some(start);
        self.budget.spent(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_our_own_is_ours_with_name_command_and_user() {
        use std::os::fd::AsFd;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let inode = nix::sys::stat::fstat(socket.as_fd()).unwrap().st_ino;
        let mut descriptors = Descriptors::new(Users::read());
        assert!(!descriptors.knows([inode].into_iter()));
        descriptors.look();
        assert!(descriptors.knows([inode].into_iter()));
        let [own] = descriptors.holders(inode) else { panic!("held by one") };
        assert_eq!(own.pid.cast_unsigned(), std::process::id());
        assert!(
            !own.name.is_empty() && own.command.contains(&own.name[..own.name.len().min(8)]),
            "{own:?}"
        );
        assert!(!own.user.is_empty());
    }
}
