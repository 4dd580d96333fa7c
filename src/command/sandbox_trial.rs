//! `portlore sandbox-trial`, the process in which `doctor --sandbox-test` tries calls.

use portlore::Result;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn run(unsandboxed: bool) -> Result<u8> {
    portlore::privilege::be_tried(unsandboxed)?;
    Ok(0)
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn run(unsandboxed: bool) -> Result<u8> {
    super::doctor::test_sandbox(unsandboxed)
}
