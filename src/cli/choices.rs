//! Values of options that are words.

use clap::ValueEnum;
use portlore::findings::Severity;

/// Parts of the report that can stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What does not belong
    Findings,
}

/// How grave a finding must be to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Alerts only
    Alert,
    /// Warnings and alerts
    Warning,
    /// Any finding
    Note,
}

impl FailOn {
    /// The least grave severity that fails.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Alert => Severity::Alert,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

/// What keeps flows with the same addresses apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyPart {
    /// Innermost two VLAN tags
    Vlan,
    /// Virtual network: VXLAN or Geneve VNI, GRE key
    Vni,
}

/// Shells with a completion script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}
