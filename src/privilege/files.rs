//! Restricts access to the file system: Landlock, on Linux 5.13 and later,
//! <https://docs.kernel.org/userspace-api/landlock.html>.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use super::Enforcement;

/// Access rights and scopes that the running kernel does not know are left out.
const ABI: landlock::ABI = landlock::ABI::V6;

/// A restriction that was prepared, because it names files, and that is not in force yet.
pub(super) struct FileRules(landlock::RulesetCreated);

impl FileRules {
    /// Prepares to forbid access to everything but reading the paths in `read`.
    pub(super) fn reading(read: &[PathBuf]) -> Result<Self, String> {
        use landlock::{AccessFs, RulesetCreatedAttr, path_beneath_rules};
        let reading = AccessFs::from_read(ABI) & !AccessFs::Execute;
        Self::prepare(|ruleset| ruleset.add_rules(path_beneath_rules(read, reading)))
    }

    /// Prepares to forbid access to everything but creating, renaming and removing files in the
    /// folders.
    pub(super) fn writing_in<'f>(
        mut folders: impl Iterator<Item = BorrowedFd<'f>>,
    ) -> Result<Self, String> {
        use landlock::{AccessFs, PathBeneath, RulesetCreatedAttr};
        // Who gets the descriptors may truncate what was opened with that right.
        let writing =
            AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
        Self::prepare(|ruleset| {
            folders.try_fold(ruleset, |ruleset, folder| {
                ruleset.add_rule(PathBeneath::new(folder, writing))
            })
        })
    }

    /// Forbids everything but what `rules` add, new TCP connections in either direction, and signals
    /// and abstract sockets of other processes.
    fn prepare(
        rules: impl FnOnce(
            landlock::RulesetCreated,
        ) -> Result<landlock::RulesetCreated, landlock::RulesetError>,
    ) -> Result<Self, String> {
        use landlock::{Access, AccessFs, AccessNet, Ruleset, RulesetAttr, Scope};
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI)))
            .and_then(|ruleset| ruleset.scope(Scope::from_all(ABI)))
            .and_then(Ruleset::create)
            .and_then(rules)
            .map(Self)
            .map_err(|error| failed(&error))
    }

    /// Puts the restriction into force. Returns how far the kernel enforces it.
    pub(super) fn enforce(self) -> Result<Enforcement, String> {
        use landlock::RulesetStatus;
        let status = self.0.restrict_self().map_err(|error| failed(&error))?;
        Ok(match status.ruleset {
            RulesetStatus::FullyEnforced => Enforcement::Full,
            RulesetStatus::PartiallyEnforced => Enforcement::Partial,
            RulesetStatus::NotEnforced => Enforcement::Unavailable(
                "Landlock is missing from this kernel or not enabled".to_owned(),
            ),
        })
    }
}

fn failed(error: &landlock::RulesetError) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    format!("file access cannot be restricted: {}", causes.last().map_or("", String::as_str))
}
