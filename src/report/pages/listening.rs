//! Listening sockets: which processes hold them, where these run, and who can reach them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::decode::Transport;
use crate::process::{ListenScope, Listener, ListeningProcess};
use crate::report::escape;
use crate::sentence::joined;

/// What this machine adds to its sockets: whose home is `~`, and the time.
#[derive(Debug, Clone)]
pub struct Here {
    /// The home of the person who asks; shown as `~`.
    pub home: Option<PathBuf>,
    /// The time zone of this machine.
    pub zone: TimeZone,
    /// Whether root asks, who sees the processes of all users.
    pub is_root: bool,
    /// The time of the question, in seconds since 1970-01-01 UTC.
    pub now: i64,
}

/// Sockets of one port that the same processes hold.
pub(super) struct ListeningGroup<'l> {
    pub(super) sockets: Vec<&'l Listener>,
}

impl<'l> ListeningGroup<'l> {
    /// Sockets grouped by port, transport and processes, in the order of the first of each. Sockets without a visible process are together if they are of one user.
    pub(super) fn from_sockets(sockets: impl IntoIterator<Item = &'l Listener>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for socket in sockets {
            let is_alike = |group: &&mut Self| {
                group.sockets.iter().all(|other| {
                    other.bound.port() == socket.bound.port()
                        && other.transport == socket.transport
                        && other.processes == socket.processes
                        && (!socket.processes.is_empty() || other.user == socket.user)
                })
            };
            match groups.iter_mut().find(is_alike) {
                Some(group) => group.sockets.push(socket),
                None => groups.push(Self { sockets: vec![socket] }),
            }
        }
        groups
    }

    /// The processes; the parent of those that share the sockets comes first.
    pub(super) fn processes(&self) -> &'l [ListeningProcess] {
        self.sockets.first().map_or(&[], |socket| &socket.processes)
    }

    /// The widest scope of the sockets.
    pub(super) fn scope(&self) -> ListenScope {
        self.sockets.iter().map(|s| s.scope()).max().unwrap_or(ListenScope::All)
    }

    /// `all addresses`, `127.0.0.1 and ::1 only`, `192.0.2.1`.
    pub(super) fn place(&self) -> String {
        if self.scope() == ListenScope::All {
            return "all addresses".to_owned();
        }
        let mut addresses: Vec<String> = Vec::new();
        for address in self.sockets.iter().map(|socket| socket.bound.ip().to_string()) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let only = if self.scope() == ListenScope::Loopback { " only" } else { "" };
        format!("{}{only}", joined(&addresses, "and"))
    }

    /// `node (pid 42)`, `nginx (pid 7) and 4 others`, or who made sockets without a visible
    /// process.
    pub(super) fn who(&self, here: &Here) -> String {
        match self.processes() {
            [] => {
                let user = self.sockets.first().and_then(|socket| socket.user.as_deref());
                let whose = user.map_or_else(String::new, |user| format!(" of {}", escape(user)));
                format!("an unidentified process{whose} ({})", here.why_unseen())
            }
            [first, rest @ ..] => {
                let first = format!("{} (pid {})", escape(&first.holder.name), first.holder.pid);
                match rest.len() {
                    0 => first,
                    1 => format!("{first} and 1 other"),
                    others => format!("{first} and {others} others"),
                }
            }
        }
    }

    /// One sentence: `node (pid 7482), `node server.js` in ~/shop/api, since 10:42, on 127.0.0.1
    /// only`.
    pub(super) fn sentence(&self, here: &Here) -> String {
        let mut parts = vec![self.who(here)];
        if let Some(process) = self.processes().first() {
            let mut what = String::new();
            if !process.holder.command.is_empty() {
                what += &format!("`{}`", escape(&process.holder.command));
            }
            if let Some(folder) = here.folder(process) {
                what += &format!(" in {folder}");
            }
            parts.extend((!what.is_empty()).then(|| what.trim_start().to_owned()));
            let container = process.holder.container.as_deref();
            parts.extend(container.map(|container| format!("container {}", escape(container))));
            parts.extend(process.started.and_then(|s| here.since(s)).map(|s| format!("since {s}")));
        }
        let udp = self.sockets.iter().all(|socket| socket.transport == Transport::Udp);
        parts.push(format!("on {}{}", self.place(), if udp { " (UDP)" } else { "" }));
        parts.join(", ")
    }
}

impl Here {
    /// Why a socket has no visible process.
    pub(super) const fn why_unseen(&self) -> &'static str {
        if self.is_root {
            "it belongs to the kernel or runs outside this container"
        } else {
            "it belongs to another user; try with sudo"
        }
    }

    /// The folder of a process, with `~` for the home of the person who asks; `None` where it says
    /// nothing: `/` is where services run.
    pub(super) fn folder(&self, process: &ListeningProcess) -> Option<String> {
        let folder = process.folder.as_deref().filter(|folder| *folder != "/")?;
        let home = self.home.as_deref().filter(|home| *home != Path::new("/"));
        let below = home.and_then(|home| Path::new(folder).strip_prefix(home).ok());
        Some(match below {
            Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Some(rest) => format!("~/{}", escape(&rest.to_string_lossy())),
            None => escape(folder),
        })
    }

    /// A time of this machine, without the day if that is today.
    fn since(&self, seconds: i64) -> Option<String> {
        let at = |seconds| Some(Timestamp::from_second(seconds).ok()?.to_zoned(self.zone.clone()));
        let (then, now) = (at(seconds)?, at(self.now)?);
        let form = if then.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        Some(then.strftime(form).to_string())
    }
}

/// A listening socket in a document.
#[derive(Serialize)]
pub(super) struct ListenerJson<'l> {
    port: u16,
    transport: &'static str,
    address: String,
    scope: &'static str,
    user: Option<&'l str>,
    processes: Vec<ListeningProcessJson<'l>>,
}

#[derive(Serialize)]
struct ListeningProcessJson<'l> {
    name: &'l str,
    pid: i32,
    command: &'l str,
    user: &'l str,
    container: Option<&'l str>,
    folder: Option<&'l str>,
    started: Option<String>,
}

impl<'l> From<&'l Listener> for ListenerJson<'l> {
    fn from(listener: &'l Listener) -> Self {
        let process = |process: &'l ListeningProcess| ListeningProcessJson {
            name: &process.holder.name,
            pid: process.holder.pid,
            command: &process.holder.command,
            user: &process.holder.user,
            container: process.holder.container.as_deref(),
            folder: process.folder.as_deref(),
            started: process
                .started
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .map(|time| time.to_string()),
        };
        Self {
            port: listener.bound.port(),
            transport: listener.transport.as_str(),
            address: listener.bound.ip().to_string(),
            scope: listener.scope().as_str(),
            user: listener.user.as_deref(),
            processes: listener.processes.iter().map(process).collect(),
        }
    }
}
