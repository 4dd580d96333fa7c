//! What is left after privileges were dropped. They cannot be regained, so each trial runs in a
//! process of its own: this test binary again, with one ignored test.

use std::io::ErrorKind;
use std::process::Command;

use portlore::privilege::{Keep, drop_privileges};

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
    use std::os::unix::fs::PermissionsExt;
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
fn files_are_written_where_output_goes_and_nowhere_else() {
    alone("trial_of_files", public_folder().path());
}

#[test]
#[ignore = "drops its privileges: run by the one above in a process of its own"]
fn trial_of_files() {
    let root = std::path::PathBuf::from(std::env::var(FOLDER).unwrap());
    let (out, elsewhere) = (root.join("out"), root.join("elsewhere"));
    std::fs::write(elsewhere.join("there"), "before").unwrap();
    drop_privileges(&Keep { write: std::slice::from_ref(&out), ..Keep::default() }).unwrap();
    std::fs::write(out.join("a.part"), "frames").unwrap();
    std::fs::rename(out.join("a.part"), out.join("a")).unwrap();
    std::fs::write(out.join("a"), "again").unwrap();
    std::fs::remove_file(out.join("a")).unwrap();
    let denied = |done: std::io::Result<()>| {
        assert_eq!(done.unwrap_err().kind(), ErrorKind::PermissionDenied);
    };
    denied(std::fs::write(elsewhere.join("new"), ""));
    denied(std::fs::write(elsewhere.join("there"), "after"));
    denied(std::fs::remove_file(elsewhere.join("there")));
    denied(std::fs::read(elsewhere.join("there")).map(drop));
    denied(std::fs::read("/etc/passwd").map(drop));
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
    drop_privileges(&Keep::default()).unwrap();
    assert_eq!(Command::new("/bin/true").status().unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(std::net::TcpStream::connect(here).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap_err().kind(),
        ErrorKind::PermissionDenied
    );
    assert!(nix::ifaddrs::getifaddrs().unwrap().count() > 0, "interfaces are still seen");
    assert!(
        std::fs::read_to_string("/proc/net/dev").unwrap().contains("lo:"),
        "drops are still counted"
    );
}
