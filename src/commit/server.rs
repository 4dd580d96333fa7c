//! The committing process: opens the planned outputs and gives them their names.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

use super::folder::{Folder, has_no_reader, open_special, sync};
use super::messages::{Action, CommitConnection, CommitReply, CommitRequest};
use super::planned::{OutputRole, PlannedOutput};
use super::series::Series;
use super::target::{parent_folder, unfinished};
use crate::platform::holds_data;
use crate::{Error, ErrorKind, Result};

/// Why a file has not got its name without `--force`.
const MEANWHILE: &str = "another file took this name meanwhile";
/// Why a file that was cut off has not got its name with `--force`.
const NOT_WHOLE: &str = "the existing file is kept, because the new one is incomplete";

/// The planned outputs, whose folders are open.
pub struct CommitServer(Vec<Target>);

/// One output.
struct Target {
    plan: PlannedOutput,
    state: TargetState,
}

enum TargetState {
    /// A device or a FIFO.
    Special(File),
    File(Box<FileTarget>),
}

/// A file, or a series of them, in a folder.
struct FileTarget {
    folder: Folder,
    name: OsString,
    /// Whether a file that exists may be replaced. The files of a series never replace any.
    force: bool,
    /// The user whose files they are, for people.
    user: String,
    series: Option<Series>,
    current: Option<PartFile>,
    /// Why a file of the series has not got its name, until the other side asks for something.
    failure: Option<Error>,
}

/// The file that is being written.
struct PartFile {
    file: File,
    /// The name that it gets.
    name: OsString,
    /// Its name until then.
    part: OsString,
}

/// The other side asked for something that cannot be: it is not to be trusted any more.
struct BadRequest;

impl CommitServer {
    /// Opens the folders of the outputs, and the devices and FIFOs among them. `user` is whose
    /// rights this process has, for people.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where an output exists and `force` is not given, or cannot be written
    /// for another reason that shows now.
    pub fn open(
        plans: impl IntoIterator<Item = PlannedOutput>,
        force: bool,
        user: &str,
    ) -> Result<Self> {
        let targets = plans.into_iter().map(|plan| Target::open(plan, force, user.to_owned()));
        targets.collect::<Result<_>>().map(Self)
    }

    /// The folders in which files are created and renamed.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.0.iter().filter_map(|target| match &target.state {
            TargetState::File(file) => Some(&file.folder),
            TargetState::Special(_) => None,
        })
    }

    /// Does what the other side asks for until it is gone. Returns a line for each file that it left
    /// behind.
    #[must_use]
    pub fn serve(mut self, connection: &CommitConnection) -> Vec<String> {
        if CommitReply::Done.send(connection).is_ok() {
            while let Some(CommitRequest { action, output }) = CommitRequest::receive(connection) {
                let Some(target) = self.0.get_mut(usize::from(output)) else { break };
                if target.perform(action, connection).is_err() {
                    break;
                }
            }
        }
        self.0.into_iter().filter_map(Target::clean_up).collect()
    }
}

/// Tells the other side that there will be no outputs.
pub fn refuse(connection: &CommitConnection, error: Error) {
    // Without the other side there is nobody to tell.
    let _ = CommitReply::Refused(error).send(connection);
}

impl Target {
    fn open(plan: PlannedOutput, force: bool, user: String) -> Result<Self> {
        let path = plan.path.as_path();
        let metadata = path.metadata();
        let is_dir = metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir)
            || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let state = match (metadata, path.file_name()) {
            (Ok(found), _) if !found.is_file() && !found.is_dir() => {
                if holds_data(&found) && !force {
                    return Err(exists_already(path));
                }
                TargetState::Special(open_special(path).map_err(|error| cannot_open(path, &error))?)
            }
            (_, Some(name)) if !is_dir => {
                let parent = parent_folder(path);
                let folder = Folder::open(parent).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => missing_folder(path, parent),
                    _ => cannot_create(path, &error, &user),
                })?;
                let series = match plan.role {
                    OutputRole::Series { keep } => Some(Series::new(name, keep.into())),
                    _ => None,
                };
                let name = name.to_owned();
                if series.is_none() && !force {
                    let (part, full) = (unfinished(name.as_ref()).into(), unfinished(path));
                    let names = [(&name, path), (&part, &full)];
                    let taken = names.into_iter().find(|(name, _)| folder.has(name));
                    taken.map_or(Ok(()), |(_, path)| Err(exists_already(path)))?;
                }
                let (current, failure) = (None, None);
                let target = FileTarget { folder, name, force, user, series, current, failure };
                TargetState::File(Box::new(target))
            }
            _ => {
                return Err(Error::new(ErrorKind::Output, "is a folder")
                    .with_object(path.display())
                    .with_remedy("name a file in it"));
            }
        };
        Ok(Self { plan, state })
    }

    /// Does what was asked for, and replies.
    fn perform(&mut self, action: Action, connection: &CommitConnection) -> Result<(), BadRequest> {
        let path = &self.plan.path;
        match &mut self.state {
            TargetState::File(target) => target.perform(action, path, connection),
            TargetState::Special(file) => match action {
                Action::Open => reply_with_file(file, path, connection),
                Action::Rotate => Err(BadRequest),
                Action::Settle | Action::Commit | Action::CommitCutOff | Action::Discard => {
                    reply(Ok(()), connection)
                }
            },
        }
    }

    /// Removes what is worth nothing of a file that the other side has left behind, and says what
    /// is kept.
    fn clean_up(self) -> Option<String> {
        let TargetState::File(mut target) = self.state else { return None };
        let current = target.current.as_ref()?;
        let is_empty = current.file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if is_empty || self.plan.role == OutputRole::Report {
            target.discard();
            return None;
        }
        let part = self.plan.path.with_file_name(&current.part);
        Some(format!(
            "{}: portlore ended before the file was complete; the data so far is in {}",
            self.plan.path.display(),
            part.display()
        ))
    }
}

impl FileTarget {
    /// Does what was asked for, and replies.
    fn perform(
        &mut self,
        action: Action,
        path: &Path,
        connection: &CommitConnection,
    ) -> Result<(), BadRequest> {
        let is_series = self.series.is_some();
        match (action, self.current.is_some()) {
            (Action::Open, false) => self.open_next(path, connection),
            (Action::Rotate, true) if is_series => self.open_next(path, connection),
            (Action::Commit, true) => {
                let if_taken = if self.force && !is_series { None } else { Some(MEANWHILE) };
                reply(self.commit_current(if_taken, path), connection)
            }
            (Action::CommitCutOff, true) => {
                let if_taken = if self.force { NOT_WHOLE } else { MEANWHILE };
                reply(self.commit_current(Some(if_taken), path), connection)
            }
            (Action::Settle, true) => reply(self.earlier_failure(), connection),
            (Action::Discard, true) => {
                self.discard();
                reply(self.earlier_failure(), connection)
            }
            _ => Err(BadRequest),
        }
    }

    /// Hands over a new file, and gives the one before it its name.
    fn open_next(&mut self, path: &Path, connection: &CommitConnection) -> Result<(), BadRequest> {
        let created = self
            .earlier_failure()
            .and_then(|()| self.create().map_err(|error| cannot_create(path, &error, &self.user)));
        let next = match created {
            Ok(next) => next,
            Err(error) => return reply(Err(error), connection),
        };
        let sent = reply_with_file(&next.file, &path.with_file_name(&next.part), connection);
        // The other side writes on while this file is synced.
        if let Some(whole) = self.current.replace(next) {
            self.failure = self.commit(whole, Some(MEANWHILE), path).err();
        }
        sent
    }

    /// Commits the current file, and says why an earlier one of the series has not got its name.
    fn commit_current(&mut self, if_taken: Option<&str>, path: &Path) -> Result<()> {
        let current = self.current.take();
        let committed = current.map_or(Ok(()), |current| self.commit(current, if_taken, path));
        self.earlier_failure().and(committed)
    }

    /// Why an earlier file of the series has not got its name; told once.
    fn earlier_failure(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Creates the file, or the next one of the series, under its temporary name.
    fn create(&mut self) -> io::Result<PartFile> {
        let Some(series) = &mut self.series else {
            let part = OsString::from(unfinished(self.name.as_ref()));
            if self.force {
                self.folder.remove(&part)?;
            }
            let file = self.folder.create(&part)?;
            return Ok(PartFile { file, name: self.name.clone(), part });
        };
        loop {
            let name = series.next_name();
            if self.folder.has(&name) {
                continue;
            }
            let part = OsString::from(unfinished(name.as_ref()));
            match self.folder.create(&part) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|file| PartFile { file, name, part }),
            }
        }
    }

    /// Syncs a file, gives it its name, and removes the files of the series that are too many. A
    /// file that has the name already is replaced, or the error is `if_taken`.
    fn commit(&mut self, current: PartFile, if_taken: Option<&str>, path: &Path) -> Result<()> {
        let PartFile { file, mut name, part } = current;
        let object = path.with_file_name(&name);
        let kept_in = |reason: String| {
            let part = path.with_file_name(&part);
            let remedy = format!("the data so far is in {}", part.display());
            Error::new(ErrorKind::Output, reason).with_object(object.display()).with_remedy(remedy)
        };
        sync(&file).map_err(|error| kept_in(format!("cannot be written: {error}")))?;
        if !self.folder.is(&part, &file) {
            let reason = "was not written: another process has removed or replaced the file";
            return Err(Error::new(ErrorKind::Output, reason)
                .with_object(path.with_file_name(&part).display())
                .with_remedy("choose a folder in which nobody else writes"));
        }
        let mut renamed = match if_taken {
            None => self.folder.replace(&part, &name),
            Some(_) => self.folder.rename(&part, &name),
        };
        // In a series the next free number serves as well.
        while let (Some(series), true) = (&mut self.series, is_taken(&renamed)) {
            let next = series.next_name();
            renamed = self.folder.rename(&part, &next);
            name = next;
        }
        renamed.map_err(|error| {
            kept_in(match if_taken {
                Some(reason) if error.kind() == io::ErrorKind::AlreadyExists => reason.to_owned(),
                _ => format!("cannot be renamed: {error}"),
            })
        })?;
        for surplus in self.series.iter_mut().flat_map(|series| series.add(name.clone())) {
            self.folder.remove(&surplus).map_err(|error| {
                Error::new(ErrorKind::Output, format!("cannot be removed: {error}"))
                    .with_object(path.with_file_name(&surplus).display())
            })?;
        }
        self.folder.sync();
        Ok(())
    }

    /// Removes the current file, if it is still the one that was created.
    fn discard(&mut self) {
        if let Some(PartFile { file, part, .. }) = self.current.take()
            && self.folder.is(&part, &file)
        {
            // What cannot be removed stays, and the next run says so.
            let _ = self.folder.remove(&part);
        }
    }
}

/// Says whether something was done. Whoever takes no reply is not served any more.
fn reply(done: Result<()>, connection: &CommitConnection) -> Result<(), BadRequest> {
    let reply = done.map_or_else(CommitReply::Refused, |()| CommitReply::Done);
    reply.send(connection).map_err(|_| BadRequest)
}

/// Hands over an open file, which is at `path`.
fn reply_with_file(
    file: &File,
    path: &Path,
    connection: &CommitConnection,
) -> Result<(), BadRequest> {
    let reply = CommitReply::File { file, path: path.display().to_string() };
    reply.send(connection).map_err(|_| BadRequest)
}

fn is_taken(renamed: &io::Result<()>) -> bool {
    renamed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// The error about a file that exists and is not to be overwritten.
fn exists_already(path: &Path) -> Error {
    Error::new(ErrorKind::Output, "already exists")
        .with_object(path.display())
        .with_remedy("use --force to overwrite it, or choose another name")
}

fn cannot_open(path: &Path, error: &io::Error) -> Error {
    let (reason, remedy) = if has_no_reader(path, error) {
        ("cannot be written: no process reads from this FIFO".to_owned(), "start its reader first")
    } else {
        (format!("cannot be written: {error}"), "choose another output")
    };
    Error::new(ErrorKind::Output, reason).with_object(path.display()).with_remedy(remedy)
}

fn missing_folder(path: &Path, folder: &Path) -> Error {
    let reason = format!("cannot be written: the folder {} does not exist", folder.display());
    Error::new(ErrorKind::Output, reason)
        .with_object(path.display())
        .with_remedy("create it, or choose a folder that exists")
}

fn cannot_create(path: &Path, error: &io::Error, user: &str) -> Error {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return exists_already(&unfinished(path));
    }
    let kind = ErrorKind::of_output(error);
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "choose a folder in which this user may write",
        io::ErrorKind::NotFound => "choose a folder that exists",
        _ if kind == ErrorKind::Full => "free space there, or choose another folder",
        _ => "choose another folder",
    };
    Error::new(kind, format!("cannot be written{}: {error}", as_user(error, user)))
        .with_object(path.display())
        .with_remedy(remedy)
}

/// Names the user where the user is the reason.
fn as_user(error: &io::Error, user: &str) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(" by the user \"{user}\""),
        _ => String::new(),
    }
}
