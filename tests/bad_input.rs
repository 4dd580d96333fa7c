//! Input that is not what it should be: one line that names the object, the reason and the remedy,
//! a status, no panic.

use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::net::signal;
use crate::run::{document, outcome, portlore, told};

const GOOD: &str = "fixtures/acceptance.pcap";

/// What a run prints on stderr, given that it ends with `status`.
fn complaint(status: i32, args: &[&str]) -> String {
    let (got, stdout, stderr) = outcome(args);
    assert_eq!(got, status, "{args:?}: {stdout}{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(stderr.lines().all(|line| line.starts_with("portlore: ")), "{stderr}");
    stderr
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_reason_and_remedy() {
    for (file, reason) in [
        (
            "no-such.pcap",
            "no-such.pcap cannot be opened: no such file or directory; check the path",
        ),
        ("src", "src contains no capture files; check the path"),
        ("no-such-*.pcap", "no-such-*.pcap: no file matches; check the pattern"),
        ("fixtures/forms/empty.pcap", "is empty"),
        ("fixtures/forms/foreign.pcap", "is not a capture file (its first bytes are 89 50 4e 47)"),
    ] {
        let stderr = complaint(2, &["replay", file]);
        assert!(stderr.contains(reason) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn one_unreadable_file_among_others_does_not_hide_them() {
    let (status, stdout, stderr) = outcome(&["replay", "no-such.pcap", GOOD]);
    assert_eq!(status, 2);
    assert!(stderr.contains("no-such.pcap cannot be opened"), "{stderr}");
    assert!(
        stdout.contains("osc: ETC Eos") && stdout.contains("INCOMPLETE no-such.pcap"),
        "{stdout}"
    );
}

#[test]
fn a_damaged_file_reports_what_was_read_until_then() {
    for (file, reason) in [
        ("truncated.pcap", "the file ends inside frame"),
        ("truncated-header.pcap", "the file ends inside frame"),
        ("ng-truncated.pcapng", "the file ends inside frame"),
        ("insane-caplen.pcap", "damaged at frame 11, byte "),
        ("gzip-truncated.pcap.gz", ": the gzip stream is incomplete; the file was truncated"),
    ] {
        let path = format!("fixtures/forms/{file}");
        let (status, stdout, stderr) = outcome(&["replay", &path]);
        assert_eq!(status, 3, "{file}");
        assert!(stderr.contains(reason), "{stderr}");
        assert!(stdout.contains("osc: ETC Eos") && stdout.contains("INCOMPLETE"), "{stdout}");
    }
}

#[test]
fn time_that_goes_back_is_told_and_nothing_is_wrong() {
    let file = "fixtures/forms/time-goes-back.pcap";
    let (status, stdout, stderr) = outcome(&["replay", file]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let told =
        format!("NOTE {file}: timestamps go back 3 times, first at frame 10, by at most 5ms");
    assert!(stdout.contains(&told) && stdout.contains("osc: ETC Eos"), "{stdout}");
    let (_, document) = document(&[file]);
    assert_eq!(document["capture"]["complete"], true);
    assert_eq!(document["capture"]["notices"].as_array().unwrap().len(), 1);
}

#[test]
fn an_unknown_link_type_is_counted_and_ends_with_its_own_status() {
    let (status, stdout, stderr) = outcome(&["replay", "fixtures/forms/unknown-link.pcap"]);
    assert_eq!(status, 3);
    assert!(
        stderr.contains("fixtures/forms/unknown-link.pcap: link type 147 is not supported"),
        "{stderr}"
    );
    assert!(stdout.contains("not analysed (31 of an unsupported link type)"), "{stdout}");
}

#[test]
fn a_capture_without_frames_is_read_and_says_so() {
    let (status, stdout, stderr) = outcome(&["replay", "fixtures/forms/header-only.pcap"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("0 packets") && stdout.contains("There are no packets."), "{stdout}");
}

#[test]
fn a_broken_filter_is_refused_before_anything_is_read() {
    for capture in [GOOD, "fixtures/forms/header-only.pcap"] {
        let stderr = complaint(2, &["replay", "-f", "tcp prt 80", capture]);
        assert!(
            stderr.contains("filter 'tcp prt 80': ") && stderr.contains("man pcap-filter"),
            "{stderr}"
        );
    }
}

#[test]
fn an_unknown_interface_is_named_beside_those_that_exist() {
    let stderr = complaint(2, &["live", "-i", "eth99", "-q"]);
    assert!(
        stderr.contains("eth99: no such interface; available: ") && stderr.contains("lo"),
        "{stderr}"
    );
}

#[test]
fn a_broken_catalogue_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(
        &file,
        "id = \"mine\"\nname = \"Mine\"\ntag = \"x\"\nspeaks = []\n[[claim]]\nport = \"x\"\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let stderr = complaint(2, &["replay", "--catalogue", path, GOOD]);
    assert!(stderr.contains("mine.toml:6: "), "{stderr}");
    assert_eq!(complaint(2, &["catalogue", "check", path]), stderr);
    let stderr = complaint(2, &["replay", "--catalogue", "no-such-folder", GOOD]);
    assert!(stderr.contains("no-such-folder cannot be read: no such file"), "{stderr}");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let stderr = complaint(2, &["replay", "-o", "/no/such/folder/x", GOOD]);
    assert!(
        stderr.contains(
            "/no/such/folder/x cannot be written: the folder /no/such/folder does not exist"
        ),
        "{stderr}"
    );
}

#[test]
fn a_hostile_file_name_does_not_reach_the_terminal_raw() {
    let (_, stdout, stderr) = outcome(&["replay", "\x1b[31mred"]);
    assert!(!stdout.contains('\x1b') && !stderr.contains('\x1b'), "{stderr}");
}

/// Needs root, to become somebody who may not capture.
#[test]
fn without_permission_the_remedy_is_named() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: not root, so nobody else can be tried");
        return;
    }
    // The build folder may be closed to others: a copy that everybody can run.
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("portlore");
    std::fs::copy(env!("CARGO_BIN_EXE_portlore"), &binary).unwrap();
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    for path in [folder.path(), &binary] {
        std::fs::set_permissions(path, open.clone()).unwrap();
    }
    let template = portlore(&[]);
    let mut command = std::process::Command::new(&binary);
    command.args(["live", "-i", "lo", "-q"]).uid(65_534).gid(65_534).current_dir("/");
    command.envs(template.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let (status, stdout, stderr) = told(&command.output().unwrap());
    assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
    assert!(
        stderr.contains(
            "lo: permission denied; run with sudo, or grant the right once: `sudo setcap"
        ),
        "{stderr}"
    );
}

#[test]
fn a_report_never_lands_on_its_own_capture() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("it.pcap");
    std::fs::copy(format!("{}/{GOOD}", env!("CARGO_MANIFEST_DIR")), &copy).unwrap();
    let before = std::fs::read(&copy).unwrap();
    let path = copy.to_str().unwrap();
    let stderr = complaint(2, &["replay", path, "-o", path]);
    assert!(stderr.contains("it is one of the input captures"), "{stderr}");
    assert_eq!(std::fs::read(&copy).unwrap(), before);
}

#[test]
fn a_stderr_that_cannot_be_written_changes_nothing() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        portlore(&["replay", "fixtures/forms/truncated.pcap"]).stderr(full).output().unwrap();
    assert_eq!(told(&output).0, 3);
}

#[test]
fn an_empty_catalogue_folder_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let stderr = complaint(2, &["catalogue", "check", folder.path().to_str().unwrap()]);
    assert!(stderr.contains("has no .toml files"), "{stderr}");
}

/// Waits until a process handles SIGINT.
fn wait_until_it_handles_signals(child: &Child) {
    let caught = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().to_owned();
        u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (nix::libc::SIGINT - 1)) != 0
    };
    while !caught() {}
}

#[test]
fn the_first_signal_ends_the_wait_for_the_writer_of_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let name = pipe.to_str().unwrap();
    for (args, has_writer) in [
        (&["replay", name][..], false),
        (&["replay", name], true),
        (&["replay", GOOD, name], false),
    ] {
        let mut command = portlore(args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until_it_handles_signals(&child);
        // A writer that writes nothing waits for the reader.
        let writer = has_writer.then(|| std::fs::File::options().write(true).open(&pipe).unwrap());
        signal(&child, "INT");
        let (status, _, stderr) = told(&child.wait_with_output().unwrap());
        assert!(status == 2 && stderr.contains("no packet came before the end"), "{stderr}");
        drop(writer);
    }
}

#[test]
fn a_pipe_whose_writer_comes_late_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let mut command = portlore(&["replay", pipe.to_str().unwrap()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_it_handles_signals(&child);
    std::fs::write(&pipe, std::fs::read(GOOD).unwrap()).unwrap();
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!((status, stderr.as_str()), (0, ""));
    let of_file = outcome(&["replay", GOOD]).1;
    assert_eq!(stdout.split_once(':').unwrap().1, of_file.split_once(':').unwrap().1);
}
