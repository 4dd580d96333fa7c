//! `portlore catalogue`, and the catalogue that all commands read.

use std::path::PathBuf;

use portlore::catalogue::{self, Catalogue};
use portlore::{detect, privilege, process};

use portlore::{ErrorKind, Result};

use super::errors::with_kind;
use super::output::Output;

pub fn check(paths: &[PathBuf]) -> Result<u8> {
    let (files, faults) = catalogue::check_all(paths, &is_stated);
    if !faults.is_empty() {
        return Err(with_kind(ErrorKind::Catalogue)(faults));
    }
    Output::open(None, &[])?.write(|out, _| writeln!(out, "{files} service files, no fault"))?;
    Ok(0)
}

pub fn facts() -> Result<u8> {
    Output::open(None, &[])?.write(|out, _| {
        let said = detect::DETECTORS.iter().flat_map(|detector| detector.facts);
        said.chain(&process::FACTS).try_for_each(|fact| writeln!(out, "{fact}"))
    })?;
    Ok(0)
}

/// Whether a mark can name a fact.
fn is_stated(fact: &str) -> bool {
    detect::is_stated(fact) || process::FACTS.contains(&fact)
}

/// The shipped catalogue, the user's folder, the files named on the command line: each over the one
/// before it.
pub fn load(named: &[PathBuf]) -> Result<Catalogue> {
    read(&places(named))
}

/// Where the user's services are.
pub fn places(named: &[PathBuf]) -> Vec<PathBuf> {
    catalogue::user_folder(privilege::caller_home())
        .into_iter()
        .chain(named.iter().cloned())
        .collect()
}

/// The shipped catalogue and over it what is in these places.
pub fn read(places: &[PathBuf]) -> Result<Catalogue> {
    Catalogue::load(places).map_err(with_kind(ErrorKind::Catalogue))
}
