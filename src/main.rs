//! Parse, run, exit status. stdout is data, stderr is talk.

mod cli;
mod command;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{CatalogueCommand, Cli, Command};
use crate::command::{
    UNREADABLE, catalogue, doctor, interfaces, live, port, process_lookup, replay, talk,
};

/// Flows and their first bytes come and go by the million in small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wants memory in pages of the usual size. Tables and openings come in thousands of pieces: huge
/// pages took up to twice as much of it and saved no time (`benches/README.md`).
#[cfg(target_os = "linux")]
fn small_pages() {
    // Where the system refuses, more memory is used and nothing else is different.
    let _ = nix::sys::prctl::set_thp_disable(true);
}

#[cfg(not(target_os = "linux"))]
fn small_pages() {}

fn main() -> ExitCode {
    small_pages();
    let result = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
        Command::Live(args) => live::run(&args),
        Command::ProcessLookup { user } => process_lookup::run(user.as_deref()),
        Command::Interfaces => interfaces::run(),
        Command::Doctor => doctor::run(),
        Command::Port(args) => port::run(&args),
        Command::Catalogue { command: CatalogueCommand::Check { paths } } => {
            catalogue::check(&paths)
        }
        Command::Catalogue { command: CatalogueCommand::Facts } => catalogue::facts(),
    };
    ExitCode::from(result.unwrap_or_else(|errors| {
        errors.iter().for_each(|line| talk::say(line));
        UNREADABLE
    }))
}
