//! What the user that the process becomes may read, told before root is given up.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Account;

/// The user that [`drop_privileges`](super::drop_privileges) makes of root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// The user's name; the number where it has none.
    pub name: String,
    user: u32,
    group: u32,
}

impl Successor {
    /// The user who comes after root: `user`, else the user who called sudo, else nobody. `None` if
    /// the process is not root's and stays as it is.
    #[must_use]
    pub fn of_root(user: Option<Account>) -> Option<Self> {
        let account = Account::after_root(user)?;
        let (user, group) = account.ids();
        Some(Self { name: account.name().unwrap_or_else(|| user.to_string()), user, group })
    }

    /// Whether the user may read a file, or list a folder, by the permission bits of the path and of
    /// all folders on the way. Access lists are not looked at. A path that does not exist counts as
    /// readable.
    #[must_use]
    pub fn may_read(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return true };
        path.ancestors().enumerate().all(|(above, part)| {
            let Ok(metadata) = part.metadata() else { return true };
            let shift = match (metadata.uid() == self.user, metadata.gid() == self.group) {
                (true, _) => 6,
                (false, true) => 3,
                (false, false) => 0,
            };
            let bits = metadata.mode() >> shift;
            let read = above > 0 || bits & 0o4 != 0;
            let search = !metadata.is_dir() || bits & 0o1 != 0;
            self.user == 0 || read && search
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_bits_of_every_folder_on_the_way_decide() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, file) = (folder.path().join("ring"), folder.path().join("ring/a.pcap"));
        std::fs::create_dir(&ring).unwrap();
        std::fs::write(&file, "").unwrap();
        let stranger = Successor { name: "nobody".into(), user: 65_534, group: 65_534 };
        let may_read = |folders: [u32; 2], mode: u32, path: &Path| {
            set_permissions(folder.path(), Permissions::from_mode(folders[0])).unwrap();
            set_permissions(&ring, Permissions::from_mode(folders[1])).unwrap();
            set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            stranger.may_read(path)
        };
        assert!(may_read([0o755, 0o755], 0o644, &file) && may_read([0o755, 0o755], 0, &ring));
        assert!(may_read([0o711, 0o711], 0o644, &file), "a folder is searched, not listed");
        assert!(!may_read([0o711, 0o711], 0o644, &ring));
        assert!(!may_read([0o700, 0o755], 0o644, &file) && !may_read([0o755, 0o755], 0o640, &file));
        set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(stranger.may_read(&folder.path().join("not there yet")));
        let owner = file.metadata().unwrap();
        let owner = Successor { user: owner.uid(), group: owner.gid(), ..stranger };
        assert!(owner.may_read(&file));
    }
}
