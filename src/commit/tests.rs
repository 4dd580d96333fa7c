//! The committing process as a thread, asked by its messages.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;

use super::messages::{Action, CommitReply, CommitRequest};
use super::{CommitServer, OutputRole, PlannedOutput};
use crate::Error;

/// A server of one output in a folder of its own.
struct Served {
    folder: tempfile::TempDir,
    connection: UnixStream,
    thread: JoinHandle<Vec<String>>,
}

const SERIES: OutputRole = OutputRole::Series { keep: 0 };

impl Served {
    fn new(role: OutputRole, force: bool, before: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        before.iter().for_each(|name| fs::write(folder.path().join(name), "evidence").unwrap());
        let plan = PlannedOutput { role, path: folder.path().join("a.pcapng") };
        let server = CommitServer::open([plan], force, "somebody").unwrap();
        assert_eq!(server.folders().count(), 1);
        let (connection, theirs) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || server.serve(&theirs));
        assert!(matches!(CommitReply::receive(&connection), Ok(CommitReply::Done)));
        Self { folder, connection, thread }
    }

    fn ask(&self, action: Action) -> Result<Option<File>, Error> {
        CommitRequest { action, output: 0 }.send(&self.connection).unwrap();
        match CommitReply::receive(&self.connection).unwrap() {
            CommitReply::Done => Ok(None),
            CommitReply::File { file, .. } => Ok(Some(file)),
            CommitReply::Refused(error) => Err(error),
        }
    }

    /// Opens a file by the action, and writes to it.
    fn write(&self, action: Action, text: &str) {
        self.ask(action).unwrap().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Ends the connection; what the server says of files that were left behind.
    fn leave(&mut self) -> Vec<String> {
        self.connection.shutdown(std::net::Shutdown::Both).unwrap();
        std::mem::replace(&mut self.thread, std::thread::spawn(Vec::new)).join().unwrap()
    }
}

#[test]
fn a_file_has_its_name_only_when_it_is_whole() {
    let served = Served::new(OutputRole::Capture, false, &[]);
    assert_eq!(served.names(), Vec::<String>::new());
    served.write(Action::Open, "block");
    assert_eq!(served.names(), ["a.pcapng.part"]);
    served.ask(Action::Commit).unwrap();
    assert_eq!(served.names(), ["a.pcapng"]);
    assert_eq!(served.text("a.pcapng"), "block");
}

#[test]
fn with_force_a_whole_file_replaces_another_one_and_one_that_is_cut_off_does_not() {
    let before = ["a.pcapng", "a.pcapng.part"];
    let served = Served::new(OutputRole::Capture, true, &before);
    served.write(Action::Open, "whole");
    served.ask(Action::Commit).unwrap();
    assert_eq!(
        (served.names(), served.text("a.pcapng")),
        (vec!["a.pcapng".into()], "whole".into())
    );
    let served = Served::new(OutputRole::Capture, true, &before);
    served.write(Action::Open, "cut off");
    let error = served.ask(Action::CommitCutOff).unwrap_err();
    assert!(
        error.reason().contains("is kept") && error.remedy().unwrap().contains("a.pcapng.part")
    );
    assert_eq!(served.text("a.pcapng"), "evidence");
    assert_eq!(served.text("a.pcapng.part"), "cut off");
}

#[test]
fn what_is_cut_off_gets_a_free_name_and_what_is_empty_none() {
    let served = Served::new(OutputRole::Capture, false, &[]);
    served.write(Action::Open, "cut off");
    served.ask(Action::CommitCutOff).unwrap();
    assert_eq!(served.names(), ["a.pcapng"]);
    let served = Served::new(OutputRole::Capture, false, &[]);
    served.write(Action::Open, "");
    served.ask(Action::Discard).unwrap();
    assert_eq!(served.names(), Vec::<String>::new());
}

#[test]
fn a_report_that_is_left_behind_is_removed_and_a_capture_is_kept() {
    for (role, text, kept) in [
        (OutputRole::Report, "half", false),
        (OutputRole::Events, "half", true),
        (OutputRole::Capture, "half", true),
        (OutputRole::Capture, "", false),
    ] {
        let mut served = Served::new(role, true, &["a.pcapng"]);
        served.write(Action::Open, text);
        let lines = served.leave();
        assert_eq!(served.text("a.pcapng"), "evidence");
        assert_eq!(served.names().contains(&"a.pcapng.part".to_owned()), kept, "{role:?}");
        assert_eq!(
            lines.iter().any(|line| line.contains("is in") && line.ends_with("a.pcapng.part")),
            kept
        );
    }
}

#[test]
fn a_file_that_somebody_put_in_the_place_of_the_own_one_gets_no_name() {
    for action in [Action::Commit, Action::Discard] {
        let mut served = Served::new(OutputRole::Report, true, &["a.pcapng"]);
        served.write(Action::Open, "report");
        let part = served.folder.path().join("a.pcapng.part");
        fs::remove_file(&part).unwrap();
        fs::write(&part, "planted").unwrap();
        assert_eq!(served.ask(action).is_err(), action == Action::Commit);
        served.leave();
        assert_eq!(
            (served.text("a.pcapng"), served.text("a.pcapng.part")),
            ("evidence".into(), "planted".into())
        );
    }
}

#[test]
fn of_a_series_the_oldest_go() {
    let served = Served::new(OutputRole::Series { keep: 2 }, false, &[]);
    served.write(Action::Open, "1");
    for text in ["2", "3", "4", "5"] {
        served.write(Action::Rotate, text);
    }
    served.ask(Action::Commit).unwrap();
    let left = served.names();
    assert!(left[0].starts_with("a_00004_") && left[1].starts_with("a_00005_"), "{left:?}");
    assert_eq!((left.len(), served.text(&left[1])), (2, "5".into()));
}

/// The names with which a series can begin in the minute of the test.
fn taken(number: u32, suffix: &str) -> Vec<String> {
    let now = jiff::Timestamp::now();
    let names = (0..60).map(|second| {
        let time = now + jiff::SignedDuration::from_secs(second);
        format!("a_{number:05}_{}.pcapng{suffix}", time.strftime("%Y%m%dT%H%M%SZ"))
    });
    names.collect()
}

#[test]
fn a_series_passes_over_names_that_are_taken_even_with_force() {
    let before = [taken(1, ""), taken(2, ".part")].concat();
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let served = Served::new(SERIES, true, &before);
    served.write(Action::Open, "one");
    let is_new = |name: &String| !before.contains(&name.as_str());
    let part = served.names().into_iter().find(is_new).unwrap();
    assert!(part.starts_with("a_00003_"), "{part}");
    // Taken while it is written.
    let name = part.strip_suffix(".part").unwrap();
    fs::write(served.folder.path().join(name), "evidence").unwrap();
    served.ask(Action::Commit).unwrap();
    let after = served.names();
    assert_eq!(after.len(), before.len() + 2);
    let last = after.iter().find(|name| name.starts_with("a_00004_")).unwrap();
    assert_eq!(served.text(last), "one");
    assert!(after.iter().filter(|name| *name != last).all(|name| served.text(name) == "evidence"));
}

#[test]
fn why_a_file_of_a_series_got_no_name_is_told_with_the_next_request() {
    let served = Served::new(SERIES, false, &[]);
    served.write(Action::Open, "1");
    fs::remove_file(served.folder.path().join(&served.names()[0])).unwrap();
    served.write(Action::Rotate, "2");
    assert!(served.ask(Action::Rotate).unwrap_err().reason().contains("removed or replaced"));
    served.ask(Action::Commit).unwrap();
    assert!(matches!(&served.names()[..], [name] if name.starts_with("a_00002_")));
}

#[test]
fn whoever_asks_for_what_cannot_be_is_not_served_any_more() {
    let bad: [&[(Action, u8)]; 5] = [
        &[(Action::Open, 1)],
        &[(Action::Commit, 0)],
        &[(Action::Open, 0), (Action::Open, 0)],
        &[(Action::Open, 0), (Action::Rotate, 0)],
        &[(Action::Open, 0), (Action::Commit, 0), (Action::Commit, 0)],
    ];
    for requests in bad {
        let mut served = Served::new(OutputRole::Report, false, &[]);
        let (last, first) = requests.split_last().unwrap();
        for &(action, output) in first {
            CommitRequest { action, output }.send(&served.connection).unwrap();
            CommitReply::receive(&served.connection).unwrap();
        }
        CommitRequest { action: last.0, output: last.1 }.send(&served.connection).unwrap();
        assert!(CommitReply::receive(&served.connection).is_err(), "{requests:?}");
        served.leave();
    }
}

#[test]
fn what_can_be_refused_is_refused_before_anything_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let open = |role, path: &Path| {
        let plan = PlannedOutput { role, path: path.to_owned() };
        CommitServer::open([plan], false, "somebody").map(drop)
    };
    let (file, part) = (folder.path().join("a"), folder.path().join("a.part"));
    assert_eq!(open(OutputRole::Report, &file), Ok(()));
    fs::write(&part, "").unwrap();
    let refused = open(OutputRole::Report, &file).unwrap_err().to_string();
    assert!(refused.contains("a.part already exists; use --force"), "{refused}");
    assert_eq!(open(SERIES, &file), Ok(()));
    let refused = open(OutputRole::Report, folder.path()).unwrap_err().to_string();
    assert!(refused.ends_with("is a folder; name a file in it"), "{refused}");
    let refused = open(OutputRole::Report, &folder.path().join("b/")).unwrap_err().to_string();
    assert!(refused.ends_with("b/ is a folder; name a file in it"), "{refused}");
    let refused = open(OutputRole::Report, &folder.path().join("b/c")).unwrap_err().to_string();
    assert!(refused.contains("b/c cannot be written: the folder "), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
