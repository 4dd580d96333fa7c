//! Values of options that are words.

use clap::ValueEnum;
use portlore::findings::Severity;
use portlore::report::parts::report_table::TableName;
use portlore::report::parts::sorting::SortColumn;
use portlore::report::{FORMATS, ReportFormat};

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

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Human-readable tables
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Ndjson,
    /// One table for spreadsheets
    Csv,
    /// Tables in Markdown
    Md,
}

impl Format {
    /// The library's definition of the format: the row of [`FORMATS`] at the same position.
    pub const fn definition(self) -> &'static ReportFormat {
        &FORMATS[self as usize]
    }
}

/// What tables are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SortChoice {
    /// Most bytes first
    Bytes,
    /// Most connections first
    Flows,
    /// Most packets first
    Packets,
    /// Most clients first
    Clients,
    /// Lowest port first
    Port,
}

impl SortChoice {
    /// The library's name of the column.
    pub const fn definition(self) -> SortColumn {
        match self {
            Self::Bytes => SortColumn::Bytes,
            Self::Flows => SortColumn::Flows,
            Self::Packets => SortColumn::Packets,
            Self::Clients => SortColumn::Clients,
            Self::Port => SortColumn::Port,
        }
    }
}

/// Tables of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableChoice {
    /// What speaks on each port
    Ports,
    /// Servers
    Servers,
    /// Services and protocols
    Services,
    /// What does not belong
    Findings,
}

impl TableChoice {
    /// The library's name of the table.
    pub const fn definition(self) -> TableName {
        match self {
            Self::Ports => TableName::Ports,
            Self::Servers => TableName::Servers,
            Self::Services => TableName::Services,
            Self::Findings => TableName::Findings,
        }
    }
}
