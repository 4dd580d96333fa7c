//! Linux capabilities: the parts of root's rights, and what `setcap` grants a program without root.

use super::Capability;

/// The capabilities that the program can use.
#[must_use]
pub fn capabilities() -> Vec<Capability> {
    use caps::Capability::{CAP_DAC_READ_SEARCH, CAP_NET_RAW, CAP_SYS_PTRACE};
    const PROCESSES: &str = "needed to identify the processes of other users";
    let known = [
        (CAP_NET_RAW, "CAP_NET_RAW", "needed to open an interface"),
        (CAP_SYS_PTRACE, "CAP_SYS_PTRACE", PROCESSES),
        (CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", PROCESSES),
    ];
    known
        .map(|(capability, name, purpose)| {
            let held = caps::has_cap(None, caps::CapSet::Effective, capability).unwrap_or(false);
            Capability { name, purpose, held }
        })
        .to_vec()
}

/// Empties the bounding set, so that no program that this one starts can gain a capability. Without
/// `CAP_SETPCAP` the set cannot be changed, and `no_new_privs` has the same effect.
pub(super) fn clear_bounding_set() -> Result<(), String> {
    use caps::{CapSet, Capability};
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        return Ok(());
    }
    caps::runtime::thread_all_supported()
        .into_iter()
        .try_for_each(|capability| caps::drop(None, CapSet::Bounding, capability))
        .map_err(|error| format!("the capability bounding set cannot be cleared: {error}"))
}

/// Drops all capabilities of the process.
pub(super) fn drop_all() -> Result<(), String> {
    drop_all_but(&[])
}

/// Makes the held capabilities survive a change of the user id.
pub(super) fn keep_across_setuid() -> Result<(), String> {
    caps::securebits::set_keepcaps(true)
        .map_err(|error| format!("capabilities cannot be kept: {error}"))
}

/// Drops all capabilities but those by which the descriptors of other users' processes can be read,
/// as far as the process holds these.
pub(super) fn drop_all_but_process_access() -> Result<(), String> {
    use caps::Capability::{CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE};
    drop_all_but(&[CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH])
}

/// Drops all capabilities but those by which root writes in every folder, as far as the process
/// holds these.
pub(super) fn drop_all_but_file_access() -> Result<(), String> {
    use caps::Capability::{CAP_DAC_OVERRIDE, CAP_FOWNER};
    drop_all_but(&[CAP_DAC_OVERRIDE, CAP_FOWNER])
}

fn drop_all_but(wanted: &[caps::Capability]) -> Result<(), String> {
    use caps::CapSet;
    let restrict = || {
        let held = caps::read(None, CapSet::Permitted)?;
        let kept = wanted.iter().copied().filter(|capability| held.contains(capability)).collect();
        [CapSet::Ambient, CapSet::Inheritable]
            .into_iter()
            .try_for_each(|set| caps::clear(None, set))?;
        [CapSet::Effective, CapSet::Permitted]
            .into_iter()
            .try_for_each(|set| caps::set(None, set, &kept))
    };
    restrict().map_err(|error: caps::errors::CapsError| {
        format!("capabilities cannot be dropped: {error}")
    })
}
