//! Secrets in texts that people type: command lines, addresses, settings. `…` stands for each.
//!
//! What looks like a secret is left out, even where it may be none: a text without a harmless word
//! is worth more than a report with a password in it.

mod clients;
mod command_line;
mod names;
mod values;

pub(crate) use command_line::CommandLine;

/// What stands for a secret.
const HIDDEN: &str = "…";
