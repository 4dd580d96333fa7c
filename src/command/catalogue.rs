//! `portlore catalogue`, and loading the catalogue for all commands.

use std::path::PathBuf;
use std::sync::Arc;

use portlore::catalogue::{self, Catalogue};
use portlore::privilege::Keep;
use portlore::report::Zone;
use portlore::report::pages::against;
use portlore::report::parts::units::plural;
use portlore::source::file;
use portlore::{Replay, Result, detect, privilege, process};

use super::output::Output;
use super::session::drop_privileges;
use super::{FAILED, INCOMPLETE, messages};

/// Checks service files, and against captures where some are named: exit status 1 where a service
/// with marks is recognised in no connection.
pub fn check(paths: &[PathBuf], captures: &[PathBuf]) -> Result<u8> {
    let ids = catalogue::check_all(paths, &is_stated)?;
    let files = ids.len();
    if captures.is_empty() {
        Output::standard()
            .write(|out, _| writeln!(out, "{}, no errors", plural(files as u64, "service file")))?;
        return Ok(0);
    }
    let catalogue = Arc::new(read(paths)?);
    let replay = Replay::open(&file::find(captures)?.paths)?;
    drop_privileges(&Keep::default(), Zone::Utc)?;
    let run = replay.catalogue(catalogue).with_facts().run()?;
    run.problems.iter().for_each(|line| messages::print(line));
    let mut all_named = false;
    Output::standard().write(|out, _| {
        writeln!(out, "{}, no errors\n", plural(files as u64, "service file"))?;
        all_named = against::write(out, &run, &ids)?;
        Ok(())
    })?;
    Ok(match (all_named, run.problems.is_empty()) {
        (false, _) => FAILED,
        (true, false) => INCOMPLETE,
        (true, true) => 0,
    })
}

pub fn facts() -> Result<u8> {
    Output::standard().write(|out, _| {
        let payload_facts = detect::facts();
        payload_facts.chain(process::FACTS).try_for_each(|fact| writeln!(out, "{fact}"))
    })?;
    Ok(0)
}

/// Whether a mark can have a condition on a fact: some detector, or a process, states the fact.
fn is_stated(fact: &str) -> bool {
    detect::is_stated(fact) || process::FACTS.contains(&fact)
}

/// Loads the shipped services, then the user's folder, then the files named on the command line;
/// later services replace earlier ones of the same id.
pub fn load(named: &[PathBuf]) -> Result<Catalogue> {
    read(&places(named))
}

/// The paths of the user's services: the user's folder and the files named on the command line.
pub fn places(named: &[PathBuf]) -> Vec<PathBuf> {
    catalogue::user_folder(privilege::caller_home())
        .into_iter()
        .chain(named.iter().cloned())
        .collect()
}

/// Loads the shipped services and those in `paths`, which replace shipped ones of the same id.
pub fn read(paths: &[PathBuf]) -> Result<Catalogue> {
    Catalogue::load(paths)
}
