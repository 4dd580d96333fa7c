//! The side of the process that parses: starts the committing process before its privileges are
//! dropped, and writes to the descriptors that it gets.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::messages::{Action, CommitConnection, CommitReply, CommitRequest};
use super::planned::PlannedOutput;
use super::running::{Running, disconnect};
use crate::helper_process::Life;
use crate::source::save::SaveFiles;
use crate::{Error, ErrorKind, Result};

/// The committing process, which ends with the last output.
pub struct CommitHelper {
    connection: Mutex<CommitConnection>,
    /// `None` once it is watched.
    process: Mutex<Option<Running>>,
    /// The thread that waits for its end.
    watch: Mutex<Option<JoinHandle<()>>>,
    /// Whether the process is told to end.
    is_over: Arc<AtomicBool>,
}

impl CommitHelper {
    /// The hidden subcommand that runs the committing process; `ps` shows it.
    pub const COMMAND: &str = "output-commit";

    /// Starts the committing process, which becomes `user` where one is given, else the user who
    /// called sudo. Call this before privileges are dropped and before a device is opened. Nothing
    /// is written yet, but what can be refused is.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where an output exists and `force` is not given, or cannot be written;
    /// [`ErrorKind::System`] where the process cannot be started.
    pub fn start(plans: &[PlannedOutput], force: bool, user: Option<&str>) -> Result<Arc<Self>> {
        let (ours, process) = Running::start(plans, force, user).map_err(|error| {
            let reason = format!("the process that commits outputs cannot be started: {error}");
            Error::new(ErrorKind::System, reason)
        })?;
        let helper = Self::new(ours, process);
        helper.exchange(None).map_err(|error| {
            let reason = format!("the process that commits outputs does not answer: {error}");
            Error::new(ErrorKind::System, reason)
        })??;
        Ok(Arc::new(helper))
    }

    fn new(connection: CommitConnection, process: Running) -> Self {
        Self {
            connection: Mutex::new(connection),
            process: Mutex::new(Some(process)),
            watch: Mutex::default(),
            is_over: Arc::default(),
        }
    }

    /// Watches the committing process on a thread: `notify` is called with a line when it ends, stops
    /// or goes on. Call this after privileges were dropped, because threads keep the privileges that
    /// they are created with.
    ///
    /// # Errors
    /// The thread cannot be started ([`ErrorKind::System`]).
    pub fn watch(&self, notify: impl Fn(&str) + Send + 'static) -> Result<()> {
        let Some(process) = taken(&self.process) else { return Ok(()) };
        let is_over = Arc::clone(&self.is_over);
        let watching = move || {
            process.watch(|life| {
                if !is_over.load(Ordering::SeqCst) {
                    notify(match life {
                        Life::Running => "the process that renames outputs continues",
                        Life::Stopped => {
                            "warning: the process that renames outputs was stopped; no file is \
                             opened or renamed until it continues (SIGCONT)"
                        }
                        Life::Ended => {
                            "warning: the process that renames outputs has ended; what is written \
                             keeps its temporary name"
                        }
                    });
                }
            });
        };
        let thread =
            Builder::new().name("commit-watch".into()).spawn(watching).map_err(|error| {
                let reason = format!("the process that renames outputs cannot be watched: {error}");
                Error::new(ErrorKind::System, reason)
            })?;
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Opens an output, by its place among those that were planned.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be created.
    pub fn open(self: &Arc<Self>, output: usize, name: &str) -> Result<OutputFile> {
        let committer = Committer { helper: Arc::clone(self), output: output as u8 };
        let (file, path) = committer.request_file(Action::Open, name, None)?;
        let is_regular = file.metadata().is_ok_and(|found| found.is_file());
        let name = name.to_owned();
        Ok(OutputFile { file, is_regular, name, path, committer: Some(committer) })
    }

    /// Sends a request, if there is one, and waits for the reply.
    fn exchange(&self, request: Option<CommitRequest>) -> io::Result<Result<Option<NamedFile>>> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        request.map_or(Ok(()), |request| request.send(&connection))?;
        Ok(match CommitReply::receive(&connection)? {
            CommitReply::Done => Ok(None),
            CommitReply::File { file, path } => Ok(Some((file, path))),
            CommitReply::Refused(error) => Err(error),
        })
    }
}

impl Drop for CommitHelper {
    /// Waits until files that are not whole are removed.
    fn drop(&mut self) {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.is_over.store(true, Ordering::SeqCst);
        disconnect(connection);
        if let Some(process) = taken(&self.process) {
            process.wait();
        }
        if let Some(watch) = taken(&self.watch) {
            let _ = watch.join();
        }
    }
}

/// Takes out what is there.
fn taken<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A file, and the path at which it is until it is committed.
type NamedFile = (File, String);

/// One output of the committing process.
struct Committer {
    helper: Arc<CommitHelper>,
    output: u8,
}

impl Committer {
    /// Asks for an action on the output; `name` and `path`, of a file that is open, are for the
    /// error that the committing process is gone.
    fn request(&self, action: Action, name: &str, path: Option<&str>) -> Result<Option<NamedFile>> {
        let request = CommitRequest { action, output: self.output };
        self.helper.exchange(Some(request)).unwrap_or_else(|_| {
            let reason = "the process that renames the file has ended";
            let remedy = path.map(|path| format!("the data so far is in {path}"));
            Err(Error::new(ErrorKind::Output, reason)
                .with_object(name)
                .with_remedy(remedy.unwrap_or_default()))
        })
    }

    fn request_file(&self, action: Action, name: &str, path: Option<&str>) -> Result<NamedFile> {
        self.request(action, name, path)?.ok_or_else(|| {
            Error::new(ErrorKind::System, "the process that commits outputs sent no file")
                .with_object(name)
        })
    }
}

/// An open output. What is dropped uncommitted is not whole.
pub struct OutputFile {
    file: File,
    /// Whether it is no device, FIFO or open descriptor. Found when it is opened: later the sandbox
    /// lets the process ask for nothing.
    is_regular: bool,
    /// The path as the user named it.
    name: String,
    /// The path at which the file is until it is committed.
    path: String,
    /// `None` for a descriptor that was open from the start.
    committer: Option<Committer>,
}

impl OutputFile {
    /// A descriptor that was open from the start, such as standard output: there is nothing to
    /// commit.
    #[must_use]
    pub const fn from_descriptor(file: File, name: String) -> Self {
        Self { file, is_regular: false, path: String::new(), name, committer: None }
    }

    /// Gives the file, which is whole, its name.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be synced or renamed.
    pub fn commit(self) -> Result<()> {
        self.ask(Action::Commit)
    }

    /// Asks for something that hands over no file.
    fn ask(&self, action: Action) -> Result<()> {
        let Some(committer) = &self.committer else { return Ok(()) };
        committer.request(action, &self.name, Some(&self.path)).map(drop)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl SaveFiles for OutputFile {
    fn rotate(&mut self) -> Result<()> {
        let Some(committer) = &self.committer else { return Ok(()) };
        let next = committer.request_file(Action::Rotate, &self.name, Some(&self.path))?;
        (self.file, self.path) = next;
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.ask(Action::Settle)
    }

    fn cut_back(&mut self, length: u64) -> io::Result<()> {
        if !self.is_regular {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    fn place(&self) -> String {
        self.path.clone()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.commit()
    }

    fn cut_off(self: Box<Self>, length: u64) -> Result<()> {
        // A device, a FIFO or an open descriptor has what it has.
        if !self.is_regular {
            return Ok(());
        }
        if length == 0 {
            return self.ask(Action::Discard);
        }
        self.file.set_len(length).map_err(|error| {
            Error::new(ErrorKind::Output, format!("cannot be cut to whole packets: {error}"))
                .with_object(&self.path)
        })?;
        self.ask(Action::CommitCutOff)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::*;

    /// A committing process that opens one output, where `opens` says so, and then ends; and its
    /// end of the connection.
    fn ending_helper(opens: bool) -> (Arc<CommitHelper>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        if opens {
            let opened = CommitReply::File { file: &file, path: "a.part".to_owned() };
            opened.send(&theirs).unwrap();
        }
        theirs.shutdown(Shutdown::Write).unwrap();
        let process = Command::new("true").spawn().unwrap();
        (Arc::new(CommitHelper::new(ours, process.into())), theirs)
    }

    #[test]
    fn the_end_of_the_committing_process_names_data_only_where_there_is_a_file() {
        let (helper, _theirs) = ending_helper(false);
        let error = helper.open(0, "a").map(drop).unwrap_err();
        assert_eq!(error.to_string(), "a: the process that renames the file has ended");
        let (helper, _theirs) = ending_helper(true);
        let error = helper.open(0, "a").unwrap().commit().unwrap_err();
        let expected =
            "a: the process that renames the file has ended; the data so far is in a.part";
        assert_eq!(error.to_string(), expected);
    }
}
