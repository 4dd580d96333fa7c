//! A process that holds a socket.

use serde::{Deserialize, Serialize};

/// Characters of a command line that are kept.
#[cfg(target_os = "linux")]
const COMMAND: usize = 160;

/// The facts that are stated of a holder, for marks.
pub const FACTS: [&str; 4] =
    ["process.name", "process.command", "process.user", "process.container"];

/// A process that holds a socket, as it was when it was asked for. Its texts are chosen by whoever
/// started it: untrusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// Its name: what the kernel calls it, at most 15 bytes, or what it calls itself.
    pub name: String,
    /// Its id.
    pub pid: i32,
    /// Its command line, shortened, secrets left out; empty where it has none.
    pub command: String,
    /// Whose it is: a name, or a number where the system has no name.
    pub user: String,
    /// The container that it runs in, as its control group tells: `docker:0123456789ab`.
    pub container: Option<String>,
}

impl Holder {
    /// Name and value of each fact that it states.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values =
            [Some(&*self.name), Some(&*self.command), Some(&*self.user), self.container.as_deref()];
        FACTS
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)))
    }

    /// Reads what there is to know of a process; `None` where it is gone.
    #[cfg(target_os = "linux")]
    pub(super) fn read(
        process: &procfs::process::Process,
        users: &super::users::Users,
    ) -> Option<Self> {
        let stat = process.stat().ok()?;
        let groups = process.cgroups().map(|groups| groups.0).unwrap_or_default();
        Some(Self {
            name: stat.comm,
            pid: process.pid,
            command: shortened(&process.cmdline().unwrap_or_default()),
            user: users.name(process.uid().ok()?),
            container: groups.iter().find_map(|group| super::container::of(&group.pathname)),
        })
    }
}

/// Words after which a command line often has a secret, as `--token X` or `--token=X`.
#[cfg(target_os = "linux")]
const SECRET: [&str; 6] = ["pass", "secret", "token", "apikey", "api-key", "credential"];

/// The words of a command line, without what looks like a secret.
#[cfg(target_os = "linux")]
fn shortened(words: &[String]) -> String {
    let mut text = String::new();
    let mut hide_next = false;
    for word in words.iter().filter(|word| !word.is_empty()) {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let lower = name.to_ascii_lowercase();
        let names_secret =
            SECRET.iter().any(|secret| lower.contains(secret)) && !lower.contains('/');
        if !text.is_empty() {
            text.push(' ');
        }
        match (hide_next && !word.starts_with('-'), names_secret, value) {
            (true, ..) => text.push('…'),
            (false, true, Some(_)) => text.extend([name, "=…"]),
            _ => text.push_str(word),
        }
        hide_next = names_secret && value.is_none() && word.starts_with('-');
        if text.chars().count() > COMMAND {
            return text.chars().take(COMMAND - 1).chain(['…']).collect();
        }
    }
    text
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_short_and_keeps_no_secret() {
        let of =
            |words: &[&str]| shortened(&words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["node", "vite", "--port", "3001"]), "node vite --port 3001");
        assert_eq!(
            of(&["x", "--password", "hunter2", "--db-pass=hunter2", "-v"]),
            "x --password … --db-pass=… -v"
        );
        assert_eq!(
            of(&["x", "--token", "--other", "y", "API_TOKEN=z"]),
            "x --token --other y API_TOKEN=…"
        );
        assert_eq!(of(&["/usr/bin/passenger", "start"]), "/usr/bin/passenger start");
        assert_eq!(of(&["x".repeat(500).as_str()]).chars().count(), COMMAND);
    }

    #[test]
    fn only_what_is_known_is_a_fact() {
        let holder = Holder {
            name: "n".into(),
            pid: 1,
            command: String::new(),
            user: "u".into(),
            container: None,
        };
        assert_eq!(
            holder.facts().collect::<Vec<_>>(),
            [("process.name", "n"), ("process.user", "u")]
        );
    }
}
