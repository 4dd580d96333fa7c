//! The processes that hold a socket, by the socket's inode.
//!
//! A scan reads every descriptor of every process. Scans are limited to a small share of one core.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use procfs::process::{FDTarget, all_processes};

use super::Holder;
use super::budget::Budget;
use super::users::Users;

/// How long a scan stays valid: processes fork and end.
const FRESH: Duration = Duration::from_secs(1);

/// The holders of sockets at the time of the last scan.
pub(super) struct Descriptors {
    users: Users,
    budget: Budget,
    scanned: Option<Instant>,
    holders: HashMap<u64, Vec<Arc<Holder>>>,
    /// Whether the descriptors of some processes could not be read.
    hidden: bool,
}

impl Descriptors {
    pub(super) fn new(users: Users) -> Self {
        Self { users, budget: Budget::new(), scanned: None, holders: HashMap::new(), hidden: false }
    }

    /// The holders of a socket, by their ids; empty if the last scan found none.
    pub(super) fn holders(&self, inode: u64) -> &[Arc<Holder>] {
        self.holders.get(&inode).map_or(&[], Vec::as_slice)
    }

    /// Whether the descriptors of some processes could not be read.
    pub(super) const fn has_hidden(&self) -> bool {
        self.hidden
    }

    /// The name of a user id.
    pub(super) fn user_name(&self, id: u32) -> String {
        self.users.name(id)
    }

    /// Whether the last scan is still valid and found all of these sockets.
    pub(super) fn covers(&self, mut inodes: impl Iterator<Item = u64>) -> bool {
        self.scanned.is_some_and(|when| when.elapsed() < FRESH)
            && inodes.all(|inode| self.holders.contains_key(&inode))
    }

    /// The time until the next scan is allowed.
    pub(super) fn wait(&self) -> Duration {
        self.budget.wait()
    }

    /// Reads the descriptors of every process.
    pub(super) fn scan(&mut self) {
        let start = Instant::now();
        self.holders.clear();
        self.hidden = false;
        // A process may end, or become unreadable, between any two of these calls: leave it out.
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
        self.scanned = Some(start);
        self.budget.record(start);
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
        assert!(!descriptors.covers([inode].into_iter()));
        descriptors.scan();
        assert!(descriptors.covers([inode].into_iter()));
        let [own] = descriptors.holders(inode) else { panic!("held by one") };
        assert_eq!(own.pid.cast_unsigned(), std::process::id());
        assert!(
            !own.name.is_empty() && own.command.contains(&own.name[..own.name.len().min(8)]),
            "{own:?}"
        );
        assert!(!own.user.is_empty());
    }
}
