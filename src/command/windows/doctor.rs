//! `portlore doctor` on Windows: what works, and what does not.

use portlore::report::pages::doctor::{self, Check};
use portlore::{Result, privilege};

use super::FAILED;
use super::output::Output;

pub fn run() -> Result<u8> {
    let check = |subject, good, finding: &str, remedy: Option<&str>| Check {
        subject,
        good,
        finding: finding.to_owned(),
        remedy: remedy.map(str::to_owned),
    };
    let checks = [
        check(
            "capture",
            false,
            "portlore captures on Linux and macOS, and not yet on Windows",
            Some("Capture with Wireshark or dumpcap, and run `portlore replay --follow FILE`."),
        ),
        check("capture files", true, "read, also while they are written", None),
        check("processes", true, "`portlore ports` names those that listen", None),
        check("sandbox", false, "no privileges are dropped, and no calls are blocked", None),
    ];
    Output::standard().write(|out, style| doctor::write(out, &checks, style))?;
    Ok(FAILED)
}

pub fn test_sandbox(unsandboxed: bool) -> Result<u8> {
    privilege::try_calls(unsandboxed).map(|_| FAILED)
}
