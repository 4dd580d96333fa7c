//! The files that a run reads, none of which may be written.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use portlore::platform::{self, file_id, holds_data, path_id};
use portlore::source::file;
use portlore::{Error, ErrorKind, Result};

use super::messages;

/// The files that a run reads.
#[derive(Debug, Default)]
pub struct InputFiles {
    /// Capture files; `-` is standard input.
    pub captures: Vec<PathBuf>,
    /// Service files and folders of them.
    pub services: Vec<PathBuf>,
    /// Reports and files of expectations.
    pub others: Vec<PathBuf>,
}

/// Finds the captures that files, folders and patterns name, and unless `quiet`, says what was left
/// out.
///
/// # Errors
/// As [`file::find`].
pub fn find_captures(named: &[PathBuf], quiet: bool) -> Result<Vec<PathBuf>> {
    let found = file::find(named)?;
    if !quiet {
        found.passed_over.iter().for_each(|line| messages::print(line));
    }
    Ok(found.paths)
}

/// The paths as texts; untrusted.
pub fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Whether a path stands for standard input, or for standard output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl InputFiles {
    /// Refuses an output that is one of the inputs, by device and inode; these and the metadata are
    /// the output's.
    ///
    /// # Errors
    /// [`ErrorKind::Output`], about `object` with `remedy`.
    pub fn refuse(
        &self,
        object: &str,
        (id, metadata): ((u64, u64), &Metadata),
        remedy: &str,
    ) -> Result<()> {
        let Some(role) = self.role(id, metadata) else { return Ok(()) };
        Err(Error::new(ErrorKind::Output, format!("cannot be written: it is one of the {role}"))
            .with_object(object)
            .with_remedy(remedy))
    }

    /// What a file is among the inputs, if it is one of them.
    fn role(&self, id: (u64, u64), metadata: &Metadata) -> Option<&'static str> {
        let is_output = |input: io::Result<(u64, u64)>| input.is_ok_and(|input| input == id);
        if !holds_data(metadata) {
            None
        } else if self.captures.iter().any(|path| is_output(input_id(path))) {
            Some("input captures")
        } else if service_files(&self.services).any(|path| is_output(identity(&path))) {
            Some("service files in use")
        } else if self.others.iter().any(|path| is_output(identity(path))) {
            Some("input files")
        } else {
            None
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| path_id(path, &metadata))
}

fn input_id(path: &Path) -> io::Result<(u64, u64)> {
    if !is_standard(path) {
        return identity(path);
    }
    let input = platform::standard_input()?;
    input.metadata().map(|metadata| file_id(&input, &metadata))
}

fn service_files(named: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    named.iter().flat_map(|path| {
        let entries = fs::read_dir(path).into_iter().flatten().filter_map(io::Result::ok);
        entries.map(|entry| entry.path()).chain([path.clone()])
    })
}
