//! The tables of sockets that Linux has in `/proc/net`, and what it says of their processes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use procfs::net::{TcpState, tcp, tcp6, udp, udp6};

use super::descriptors::Descriptors;
use super::users::Users;
use super::{Holder, Listener, ListeningProcess};
use crate::decode::Transport;

/// The sockets that listen on the ports that `wanted` accepts.
///
/// # Errors
/// The system's reason.
pub(super) fn listeners(wanted: &dyn Fn(u16) -> bool) -> Result<Vec<Listener>, String> {
    let mut sockets: Vec<(Transport, SocketAddr, u64, u32)> = Vec::new();
    // A machine without IPv6 has no table for it.
    for entries in [tcp().map_err(|error| error.to_string())?, tcp6().unwrap_or_default()] {
        let listening = entries.into_iter().filter(|entry| entry.state == TcpState::Listen);
        sockets.extend(
            listening.map(|entry| (Transport::Tcp, entry.local_address, entry.inode, entry.uid)),
        );
    }
    for entries in [udp().map_err(|error| error.to_string())?, udp6().unwrap_or_default()] {
        // A UDP socket without a peer receives from every address.
        let open = entries.into_iter().filter(|entry| entry.remote_address.port() == 0);
        sockets.extend(
            open.map(|entry| (Transport::Udp, entry.local_address, entry.inode, entry.uid)),
        );
    }
    sockets.retain(|(_, bound, ..)| wanted(bound.port()));
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut descriptors = Descriptors::new(Users::read());
    descriptors.scan();
    let mut known: HashMap<i32, ListeningProcess> = HashMap::new();
    let mut describe = |(transport, bound, inode, user)| {
        let holders = descriptors.holders(inode).iter();
        let processes = holders.map(|holder| {
            let process = known.entry(holder.pid);
            process.or_insert_with(|| ListeningProcess::read(holder)).clone()
        });
        Listener {
            transport,
            bound,
            processes: processes.collect(),
            user: Some(descriptors.user_name(user)),
        }
    };
    Ok(sockets.into_iter().map(&mut describe).collect())
}

impl ListeningProcess {
    /// Reads folder and start of a process; both are `None` if the process is gone or another
    /// user's.
    fn read(holder: &Arc<Holder>) -> Self {
        let process = procfs::process::Process::new(holder.pid).ok();
        let folder = process.as_ref().and_then(|process| process.cwd().ok());
        let started = process.and_then(|process| process.stat().ok()).and_then(|stat| {
            // `starttime` counts clock ticks since the system was started, proc_pid_stat(5).
            let after = stat.starttime / procfs::ticks_per_second();
            procfs::boot_time_secs().ok()?.checked_add(after)?.try_into().ok()
        });
        Self {
            holder: Arc::clone(holder),
            folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
            started,
        }
    }
}
