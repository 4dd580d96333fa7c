//! Linux capabilities: what root is made of, and what `setcap` gives a program without it.

/// A capability that the program has a use for, and whether it has it now.
///
/// Without the first nothing is captured; without the others processes of other users have no
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Power {
    /// As `man 7 capabilities` names it.
    pub name: &'static str,
    /// What for.
    pub purpose: &'static str,
    /// Whether it is effective.
    pub held: bool,
}

/// Those that matter; empty on systems without.
#[cfg(target_os = "linux")]
#[must_use]
pub fn powers() -> Vec<Power> {
    use caps::{CapSet, Capability};
    let known = [
        (Capability::CAP_NET_RAW, "CAP_NET_RAW", "to open an interface"),
        (Capability::CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to name the processes of other users"),
        (
            Capability::CAP_DAC_READ_SEARCH,
            "CAP_DAC_READ_SEARCH",
            "to name the processes of other users",
        ),
    ];
    known
        .map(|(capability, name, purpose)| {
            let held = caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
            Power { name, purpose, held }
        })
        .to_vec()
}

#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn powers() -> Vec<Power> {
    Vec::new()
}

/// Has no program that this one might start gain a capability. Only who may lower the bound needs
/// it lowered: others are held by `no_new_privs`.
#[cfg(target_os = "linux")]
pub(super) fn bound() -> Result<(), String> {
    use caps::{CapSet, Capability};
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        return Ok(());
    }
    caps::runtime::thread_all_supported()
        .into_iter()
        .try_for_each(|capability| caps::drop(None, CapSet::Bounding, capability))
        .map_err(|error| format!("capabilities could not be bounded: {error}"))
}

/// Gives up those that the process has, root's and its own.
#[cfg(target_os = "linux")]
pub(super) fn clear() -> Result<(), String> {
    use caps::CapSet;
    [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted]
        .into_iter()
        .try_for_each(|set| caps::clear(None, set))
        .map_err(|error| format!("capabilities could not be given up: {error}"))
}

/// Has those that are held outlive a change of the user.
#[cfg(target_os = "linux")]
pub(super) fn hold_sight() -> Result<(), String> {
    caps::securebits::set_keepcaps(true)
        .map_err(|error| format!("capabilities could not be kept: {error}"))
}

/// Gives up all but those by which the descriptors of other users' processes can be read, where
/// they are there.
#[cfg(target_os = "linux")]
pub(super) fn keep_sight() -> Result<(), String> {
    use caps::{CapSet, Capability};
    let sight = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];
    let keep = || {
        let held = caps::read(None, CapSet::Permitted)?;
        let kept = sight.into_iter().filter(|capability| held.contains(capability)).collect();
        [CapSet::Ambient, CapSet::Inheritable]
            .into_iter()
            .try_for_each(|set| caps::clear(None, set))?;
        [CapSet::Effective, CapSet::Permitted]
            .into_iter()
            .try_for_each(|set| caps::set(None, set, &kept))
    };
    keep().map_err(|error: caps::errors::CapsError| {
        format!("capabilities could not be given up: {error}")
    })
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn hold_sight() -> Result<(), String> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn keep_sight() -> Result<(), String> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn bound() -> Result<(), String> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn clear() -> Result<(), String> {
    Ok(())
}
