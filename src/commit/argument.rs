//! The planned outputs as arguments of the committing process.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::{OutputRole, PlannedOutput};

impl PlannedOutput {
    /// The argument by which the committing process gets to know the output: `series:10=a.pcapng`.
    pub(super) fn to_argument(&self) -> OsString {
        let role = match self.role {
            OutputRole::Report => "report",
            OutputRole::Events => "events",
            OutputRole::Capture => "capture",
            OutputRole::Series { keep } => &format!("series:{keep}"),
        };
        let mut argument = OsString::from(role);
        argument.push("=");
        argument.push(&self.path);
        argument
    }

    /// Reads an argument; `None` where it is none.
    #[must_use]
    pub fn from_argument(argument: &OsStr) -> Option<Self> {
        let bytes = argument.as_bytes();
        let at = bytes.iter().position(|&byte| byte == b'=')?;
        let role = match str::from_utf8(&bytes[..at]).ok()? {
            "report" => OutputRole::Report,
            "events" => OutputRole::Events,
            "capture" => OutputRole::Capture,
            series => OutputRole::Series { keep: series.strip_prefix("series:")?.parse().ok()? },
        };
        Some(Self { role, path: OsStr::from_bytes(&bytes[at + 1..]).into() })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_plan_survives_as_an_argument() {
        let roles = [
            OutputRole::Report,
            OutputRole::Events,
            OutputRole::Capture,
            OutputRole::Series { keep: 10 },
        ];
        for role in roles {
            let path = PathBuf::from(OsStr::from_bytes(b"a=\xff/b:c"));
            let plan = PlannedOutput { role, path };
            assert_eq!(PlannedOutput::from_argument(&plan.to_argument()), Some(plan));
        }
        for other in ["a.pcapng", "series:=a", "series:-1=a", "=a"] {
            assert_eq!(PlannedOutput::from_argument(OsStr::new(other)), None, "{other}");
        }
    }
}
