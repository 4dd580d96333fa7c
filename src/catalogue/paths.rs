//! The service files of the user: where they are, and what is in them.

use std::io;
use std::path::{Path, PathBuf};

use super::{Origin, Service, parse};
use crate::{Error, ErrorKind, Result};

/// The folder of the user's own service files: `.config/portlore/services` in `home`; if `home` is
/// `None`, `$XDG_CONFIG_HOME/portlore/services`, else `~/.config/portlore/services`, on Windows
/// `%APPDATA%\portlore\services`. `None` if there is no such folder, or it has no service file.
#[must_use]
pub fn user_folder(home: Option<PathBuf>) -> Option<PathBuf> {
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = match home {
        Some(home) => home.join(".config"),
        None => variable("XDG_CONFIG_HOME")
            .or_else(|| variable("APPDATA").filter(|_| cfg!(windows)))
            .or_else(|| Some(variable("HOME")?.join(".config")))?,
    };
    let folder = config.join("portlore").join("services");
    // An empty folder is no error here, unlike an empty folder on the command line.
    (folder.is_dir() && toml_files(&folder).is_ok()).then_some(folder)
}

/// The path itself if it is a file, else the `.toml` files of the folder, sorted by name.
///
/// # Errors
/// The path cannot be read, or the folder has no `.toml` file.
fn toml_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files: Vec<_> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    files.sort();
    if files.is_empty() {
        let error = Error::new(ErrorKind::Catalogue, "the folder has no .toml files");
        let error = error.with_object(path.display());
        return Err(error.with_remedy("add one .toml file for each service"));
    }
    Ok(files)
}

/// A service file that was read.
#[derive(Debug, Clone)]
pub struct ServiceFile {
    /// The path, for people.
    pub name: String,
    /// Its text, or why it cannot be read.
    pub text: Result<String>,
}

impl ServiceFile {
    /// Reads files, and the files in folders.
    #[must_use]
    pub fn read_all(paths: &[PathBuf]) -> Vec<Self> {
        let read = |path: PathBuf| Self { name: path.display().to_string(), text: read(&path) };
        paths
            .iter()
            .flat_map(|path| match toml_files(path) {
                Ok(files) => files.into_iter().map(read).collect(),
                Err(error) => vec![Self { name: path.display().to_string(), text: Err(error) }],
            })
            .collect()
    }
}

/// The services in files, each with the name of its file, and the errors of those that cannot be
/// read or parsed.
pub(super) fn parse_all(
    files: impl IntoIterator<Item = ServiceFile>,
) -> (Vec<(Service, String)>, Vec<Error>) {
    let mut services = Vec::new();
    let mut errors = Vec::new();
    for ServiceFile { name, text } in files {
        match text.and_then(|text| parse(&text, &name, Origin::User)) {
            Ok(service) => services.push((service, name)),
            Err(error) => errors.push(error),
        }
    }
    (services, errors)
}

/// The largest service file in bytes: that of 100,000 marks takes some 10 MB.
const MAX_SIZE: u64 = 64 << 20;

/// Reads a service file. A pipe could wait for ever, and a device could have no end.
fn read(path: &Path) -> Result<String> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let refused = |reason: &str, remedy: &str| {
        let error = Error::new(ErrorKind::Catalogue, reason).with_object(path.display());
        Err(error.with_remedy(remedy))
    };
    if !metadata.is_file() {
        return refused("not a regular file", "write the service into a file");
    }
    if metadata.len() > MAX_SIZE {
        return refused("larger than 64 MiB", "divide it into several services");
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidData {
        let reason = "not a service file: its bytes are not UTF-8 text";
        return Error::new(ErrorKind::Catalogue, reason)
            .with_object(path.display())
            .with_remedy("name a TOML file");
    }
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "make it readable, or run as its owner",
        _ => "check the path",
    };
    Error::new(ErrorKind::Catalogue, format!("cannot be read: {error}"))
        .with_object(path.display())
        .with_remedy(remedy)
}
