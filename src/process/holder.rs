//! A process that holds a socket.

use serde::{Deserialize, Serialize};

use crate::secrets::CommandLine;

/// The longest command line that is kept, in characters.
const MAX_COMMAND: usize = 160;

/// The names of the facts that a holder can state, for marks.
pub const FACTS: [&str; 4] =
    ["process.name", "process.command", "process.user", "process.container"];

/// A process that holds a socket, at the time of the lookup. All texts are untrusted: whoever
/// started the process chose them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The name that the kernel has for the process, at most 15 bytes; the process can change it.
    pub name: String,
    /// The process id.
    pub pid: i32,
    /// The command line, shortened, with secrets left out; empty for a process without one.
    pub command: String,
    /// The user: a name, or the number if `/etc/passwd` has no name for it.
    pub user: String,
    /// The container, by the process's control group, `docker:0123456789ab`; of a `docker-proxy`
    /// the container that it forwards to, `docker:172.17.0.2:80`.
    pub container: Option<String>,
}

impl Holder {
    /// Name and value of each fact that the process states; empty values are left out.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values =
            [Some(&*self.name), Some(&*self.command), Some(&*self.user), self.container.as_deref()];
        FACTS
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)))
    }
}

/// A command line as one text, without what looks like a secret.
pub(super) fn shortened(words: &[String]) -> String {
    let mut line = CommandLine::default();
    for word in words.iter().filter(|word| !word.is_empty()) {
        line.push(word);
        if line.text().chars().count() > MAX_COMMAND {
            return line.text().chars().take(MAX_COMMAND - 1).chain(['…']).collect();
        }
    }
    line.text().to_owned()
}

#[cfg(test)]
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
            of(&["x", "postgres://u:pw123@h/db", "-p", "hunter2", "", "-u", "root:pw456"]),
            "x postgres://u:…@h/db -p … -u root:…"
        );
        assert_eq!(of(&["x".repeat(500).as_str()]).chars().count(), MAX_COMMAND);
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
