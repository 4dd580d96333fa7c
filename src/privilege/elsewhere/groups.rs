//! The groups of the process: macOS keeps memberships outside it, and asks for them by its user.

use nix::unistd::Gid;

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) const fn leave() -> nix::Result<()> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) const fn take(_: &str, _: Gid) -> nix::Result<()> {
    Ok(())
}
