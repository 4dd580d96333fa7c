//! A process behind a listening socket, with what people ask about it.

use std::sync::Arc;

use super::Holder;

/// A process that holds a listening socket, where it runs and since when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ListeningProcess {
    /// The process.
    pub holder: Arc<Holder>,
    /// The folder in which it runs; `None` if this process may not see it. Untrusted.
    pub folder: Option<String>,
    /// When it was started, in seconds since 1970-01-01 UTC.
    pub started: Option<i64>,
}

impl ListeningProcess {
    /// Reads folder and start of a process; both are `None` if the process is gone or another
    /// user's.
    #[cfg(target_os = "linux")]
    pub(super) fn read(holder: &Arc<Holder>) -> Self {
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

    /// What the system's table says of the process.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn from_system(process: listeners::Process) -> Option<Self> {
        let holder = Holder {
            name: process.name,
            pid: i32::try_from(process.pid).ok()?,
            command: process.path,
            user: String::new(),
            container: None,
        };
        Some(Self { holder: Arc::new(holder), folder: None, started: None })
    }
}
