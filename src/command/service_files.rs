//! `portlore service-files`, the process that reads the user's service files again for a capture that
//! can read no files any more. It parses neither packets nor service files.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use portlore::catalogue::{Catalogue, ServiceFile};
use portlore::helper_process::{self, HelperConnection};
use portlore::privilege::{self, Account, Keep};
use portlore::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::helper;

/// The hidden subcommand that runs the process; `ps` shows it.
pub const COMMAND: &str = "service-files";

/// A service file, as the processes tell each other of it.
#[derive(Serialize, Deserialize)]
struct ReadFile {
    name: String,
    text: Option<String>,
    /// Object, reason and remedy of the error, where there is no text.
    error: [String; 3],
}

impl ReadFile {
    fn new(ServiceFile { name, text }: ServiceFile) -> Self {
        match text {
            Ok(text) => Self { name, text: Some(text), error: Default::default() },
            Err(error) => {
                let parts = [error.object(), error.reason(), error.remedy().unwrap_or_default()];
                Self { name, text: None, error: parts.map(str::to_owned) }
            }
        }
    }

    fn file(self) -> ServiceFile {
        let [object, reason, remedy] = self.error;
        let text = self.text.ok_or_else(|| {
            Error::new(ErrorKind::Catalogue, reason).with_object(object).with_remedy(remedy)
        });
        ServiceFile { name: self.name, text }
    }
}

/// The service files of a capture; the process that reads them ends with this.
pub struct ServiceFiles {
    /// `None` where there are no files.
    connection: Option<HelperConnection>,
}

impl ServiceFiles {
    /// Starts the process, which becomes `user` where one is given, else the user who called sudo.
    /// Call this before a device is opened and before privileges are dropped.
    ///
    /// # Errors
    /// The system's reason.
    pub fn start(paths: &[PathBuf], user: Option<&str>) -> Result<Self> {
        if paths.is_empty() {
            return Ok(Self { connection: None });
        }
        let started = helper_process::start(COMMAND, |command| {
            command
                .args(user.map(|user| format!("--user={user}")))
                .arg("--")
                .args(paths)
                .stderr(helper_process::no_output())
        });
        started.map(|(connection, _)| Self { connection: Some(connection) }).map_err(|error| {
            Error::new(ErrorKind::System, format!("service files cannot be read again: {error}"))
        })
    }

    /// Has the files read, and loads the catalogue over them.
    ///
    /// # Errors
    /// The faults of all files, or that the process has ended.
    pub fn load(&self) -> Result<Catalogue> {
        let Some(mut connection) = self.connection.as_ref() else { return Catalogue::load(&[]) };
        let mut line = String::new();
        let files = connection
            .write_all(b"\n")
            .and_then(|()| BufReader::new(connection).read_line(&mut line))
            .ok()
            .and_then(|_| serde_json::from_str::<Vec<ReadFile>>(&line).ok())
            .ok_or_else(|| {
                Error::new(ErrorKind::System, "the process that reads service files has ended")
                    .with_remedy("restart portlore to read them again")
            })?;
        Catalogue::from_files(files.into_iter().map(ReadFile::file))
    }
}

pub fn run(user: Option<&str>, paths: &[PathBuf]) -> Result<u8> {
    privilege::close_inherited();
    let user = user.map(Account::from_name).transpose()?;
    // What is missing is said by the process that parses packets.
    let _ = privilege::drop_privileges(&Keep { user, read: paths, ..Keep::default() });
    let mut connection = helper::connection(helper::OTHERS)?;
    let fail = |error: io::Error| Error::new(ErrorKind::System, error.to_string());
    let mut request = [0];
    loop {
        match connection.read(&mut request) {
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The capture is over.
            _ => return Ok(0),
        }
        let files: Vec<_> = ServiceFile::read_all(paths).into_iter().map(ReadFile::new).collect();
        let mut reply = serde_json::to_vec(&files)
            .map_err(|error| Error::new(ErrorKind::System, error.to_string()))?;
        reply.push(b'\n');
        connection.write_all(&reply).map_err(fail)?;
    }
}
