//! Parses the command line, runs the command and returns its exit status. stdout is data, stderr is
//! for people.

mod cli;
mod command;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::cli::{CatalogueCommand, Cli, Command};
use crate::command::{
    INCOMPLETE, UNREADABLE, catalogue, check, completions, diff, doctor, help, interface_bind,
    interfaces, live, messages, osc, output_commit, port, ports, process_lookup, replay, report,
    sandbox_trial, service_files, services, slice,
};

/// Flows and openings are allocated and freed by the million in small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    portlore::platform::use_small_pages();
    messages::print_panics();
    let command = Cli::from_command_line().command;
    // The message of a panic is printed; nothing of what panicked is used again.
    let result = catch_unwind(AssertUnwindSafe(|| run(command))).unwrap_or(Ok(INCOMPLETE));
    ExitCode::from(result.unwrap_or_else(|error| {
        error.lines().for_each(|line| messages::print(&line));
        UNREADABLE
    }))
}

/// Runs a command and returns its exit status.
fn run(command: Command) -> portlore::Result<u8> {
    match command {
        Command::Replay(args) => replay::run(&args),
        Command::Report(args) => report::run(args),
        Command::Merge(args) => report::merge(args),
        Command::Live(args) => live::run(&args),
        Command::ProcessLookup { user } => process_lookup::run(user.as_deref()),
        Command::ServiceFiles { user, paths } => service_files::run(user.as_deref(), &paths),
        Command::InterfaceBind { user } => interface_bind::run(user.as_deref()),
        Command::OutputCommit { user, force, outputs } => {
            output_commit::run(user.as_deref(), force, &outputs)
        }
        Command::Osc(args) => osc::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Slice(args) => slice::run(&args),
        Command::Interfaces => interfaces::run(),
        Command::Doctor { sandbox_test: false, .. } => doctor::run(),
        Command::Doctor { sandbox_test: true, no_sandbox } => doctor::test_sandbox(no_sandbox),
        Command::SandboxTrial { no_sandbox } => sandbox_trial::run(no_sandbox),
        Command::Port(args) => port::run(&args),
        Command::Ports(args) => ports::run(&args),
        Command::Services(args) => services::run(&args),
        Command::Catalogue { command: CatalogueCommand::Check { paths, against } } => {
            catalogue::check(&paths, &against)
        }
        Command::Catalogue { command: CatalogueCommand::Facts } => catalogue::facts(),
        Command::Completions { shell } => completions::run(shell),
        Command::Help { command } => help::run(&command),
    }
}
