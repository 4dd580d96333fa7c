//! The names of users, read once: a process without privileges should not open a file for every
//! lookup.

use std::collections::HashMap;

/// The users in `/etc/passwd`. Users of directory services are shown as numbers.
pub(super) struct Users(HashMap<u32, String>);

impl Users {
    pub(super) fn read() -> Self {
        Self::parse(&std::fs::read_to_string("/etc/passwd").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let user = |line: &str| {
            let mut fields = line.split(':');
            let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
            Some((id, name.to_owned()))
        };
        // Several names may share an id. The system shows the first, so the first is inserted last.
        Self(text.lines().rev().filter_map(user).collect())
    }

    /// The name of a user id, or the number.
    pub(super) fn name(&self, id: u32) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_called_by_their_first_name_or_by_number() {
        let users = Users::parse(
            "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\nwww:x:33:33::/:/bin/false\n",
        );
        assert_eq!([0, 33, 1000].map(|id| users.name(id)), ["root", "www", "1000"]);
    }
}
