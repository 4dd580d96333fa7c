//! What is left after privileges were dropped. They cannot be regained, so each trial runs in a
//! process of its own: this test binary again, with one ignored test.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::kill;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo, truncate};
use portlore::privilege::{Account, Keep, drop_privileges};

const FOLDER: &str = "PORTLORE_TEST_FOLDER";

fn alone(test: &str, folder: &std::path::Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("privilege::{test}"), "--ignored", "--test-threads=1"])
        .env(FOLDER, folder)
        .env_remove("SUDO_UID")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

/// A folder in which every user may write, with two folders in it.
pub fn public_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in
        [folder.path().to_owned(), folder.path().join("out"), folder.path().join("elsewhere")]
    {
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    folder
}

#[test]
fn what_parses_writes_to_its_descriptors_and_nowhere_else() {
    alone("trial_of_files", public_folder().path());
}

#[test]
#[ignore = "drops its privileges: run by the one above in a process of its own"]
fn trial_of_files() {
    let root = PathBuf::from(std::env::var(FOLDER).unwrap());
    let (folder, there, new) = (root.join("out"), root.join("there"), root.join("new"));
    fs::write(&there, "before").unwrap();
    let mut kept = File::create(root.join("kept")).unwrap();
    // Who may read these files, and owns them: what is refused is refused by the sandbox.
    let (user, read) = (Account::from_name("root").ok(), std::slice::from_ref(&root));
    let keep = Keep { user, read, ..Keep::default() };
    drop_privileges(&keep).unwrap();
    let append = |path: &Path| OpenOptions::new().append(true).open(path).map(drop);
    let read_and_write = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
    let mode = fs::Permissions::from_mode(0o777);
    let truncated = || File::options().write(true).truncate(true).open(&there).map(drop);
    let trials: [(&str, io::Result<()>); 22] = [
        ("create", fs::write(&new, "")),
        ("create beside", fs::write(folder.join("new"), "")),
        ("write", File::options().write(true).open(&there).map(drop)),
        ("read and write", read_and_write(&there).map(drop)),
        ("append", append(&there)),
        ("open truncated", truncated()),
        ("truncate", truncate(&there, 0).map_err(io::Error::from)),
        ("remove", fs::remove_file(&there)),
        ("remove a folder", fs::remove_dir(&folder)),
        ("make a folder", fs::create_dir(&new)),
        ("rename", fs::rename(&there, &new)),
        ("rename what is open", fs::rename(root.join("kept"), &new)),
        ("hard link", fs::hard_link(&there, &new)),
        ("link", std::os::unix::fs::symlink(&there, &new)),
        ("FIFO", mkfifo(&new, Mode::S_IRWXU).map_err(io::Error::from)),
        ("socket", UnixListener::bind(&new).map(drop)),
        ("mode", fs::set_permissions(&there, mode.clone())),
        ("mode of what is open", kept.set_permissions(mode)),
        ("owner", std::os::unix::fs::chown(&there, Some(0), Some(0))),
        ("time", kept.set_modified(SystemTime::UNIX_EPOCH)),
        ("device", append(Path::new("/dev/null"))),
        ("read elsewhere", fs::read("/etc/passwd").map(drop)),
    ];
    for (name, tried) in trials {
        assert_eq!(tried.map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied), "{name}");
    }
    kept.write_all(b"frames, and more").unwrap();
    kept.set_len(6).unwrap();
    assert_eq!(fs::read(root.join("kept")).unwrap(), b"frames");
    assert_eq!(fs::read(&there).unwrap(), b"before");
}

#[test]
fn no_program_is_started_and_no_connection_is_opened() {
    alone("trial_of_calls", public_folder().path());
}

#[test]
#[ignore = "drops its privileges: run by the one above in a process of its own"]
fn trial_of_calls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    let gaps = drop_privileges(&Keep::default()).unwrap();
    assert_eq!(gaps, Vec::<String>::new());
    let trials: [(&str, io::Result<()>); 9] = [
        ("start a program", Command::new("/bin/true").status().map(drop)),
        ("connect", std::net::TcpStream::connect(here).map(drop)),
        ("bind", std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("socket of Unix", std::os::unix::net::UnixDatagram::unbound().map(drop)),
        ("socket of netlink", nix::ifaddrs::getifaddrs().map(drop).map_err(io::Error::from)),
        ("signal", kill(Pid::from_raw(1), None).map_err(io::Error::from)),
        ("list the root folder", fs::read_dir("/").map(drop)),
        ("read", fs::read("/proc/self/status").map(drop)),
        ("ask for a file", fs::metadata("/etc/passwd").map(drop)),
    ];
    for (name, tried) in trials {
        assert_eq!(tried.map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied), "{name}");
    }
    kill(Pid::this(), None).unwrap();
    std::thread::spawn(|| ()).join().unwrap();
}
