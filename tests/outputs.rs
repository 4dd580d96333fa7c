//! Outputs destroy nothing: no output is an input, and nothing that exists is overwritten without
//! `--force`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::net::{Net, signal, stderr_line, wait_for_frames};
use crate::privilege::public_folder;
use crate::run::{DESK, names, outcome, portlore, refusal, refused, told};
use crate::saving::SmallDisk;

const CAPTURE: &str = "fixtures/acceptance.pcap";

/// A copy of a capture in a folder of its own.
fn copy() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.pcap");
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)).unwrap();
    fs::write(&path, &bytes).unwrap();
    (folder, path, bytes)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_report_does_not_overwrite_a_file_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("existing.pcapng");
    fs::write(&file, "evidence").unwrap();
    let refusal = refusal(&["replay", CAPTURE, "-o", text(&file)]);
    assert!(
        refusal.ends_with(
            "existing.pcapng already exists; use --force to overwrite it, or choose another name\n"
        ),
        "{refusal}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"evidence");
}

#[test]
fn a_dash_is_not_taken_for_the_name_of_a_file() {
    for (flag, remedy) in [("-o", "leave out -o"), ("--html", "/dev/stdout is standard output")] {
        let refusal = refusal(&["replay", CAPTURE, flag, "-"]);
        let expected = format!("portlore: {flag} cannot be -; ");
        assert!(refusal.starts_with(&expected) && refusal.contains(remedy), "{refusal}");
    }
}

#[test]
fn with_force_a_report_replaces_all_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("report"), folder.path().join("link"));
    fs::write(&file, vec![b'x'; 1 << 20]).unwrap();
    symlink(&file, &link).unwrap();
    assert_eq!(outcome(&["replay", CAPTURE, "-o", text(&file), "--force"]).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), outcome(&["replay", CAPTURE]).1);
    // A link is replaced itself: somebody else may have put it there.
    fs::write(&file, "evidence").unwrap();
    assert!(refusal(&["replay", CAPTURE, "-o", text(&link)]).contains("already exists"));
    assert_eq!(outcome(&["replay", CAPTURE, "-o", text(&link), "--force"]).0, 0);
    assert_eq!(fs::read_to_string(&link).unwrap(), outcome(&["replay", CAPTURE]).1);
    assert_eq!(fs::read(&file).unwrap(), b"evidence");
    assert_eq!(
        outcome(&["replay", CAPTURE, "-o", text(&folder.path().join("new")), "--force"]).0,
        0
    );
}

#[test]
fn a_planted_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("target"), folder.path().join("link"));
    let part = folder.path().join("link.part");
    for planted in [&link, &part] {
        for target in [None, Some("evidence")] {
            symlink(&file, planted).unwrap();
            target.iter().for_each(|text| fs::write(&file, text).unwrap());
            let refusal = refusal(&["replay", CAPTURE, "-o", text(&link)]);
            assert!(refusal.contains("already exists; use --force"), "{refusal}");
            assert!(refusal.contains(&format!("{} already", planted.display())), "{refusal}");
            assert_eq!(outcome(&["replay", CAPTURE, "-o", text(&link), "--force"]).0, 0);
            assert_eq!(fs::read_to_string(&file).ok().as_deref(), target);
            assert_eq!(fs::read_to_string(&link).unwrap(), outcome(&["replay", CAPTURE]).1);
            assert!(!link.is_symlink() && !part.is_symlink());
            drop(fs::remove_file(&file));
            fs::remove_file(&link).unwrap();
        }
    }
}

#[test]
fn a_planted_file_is_not_written_to() {
    let folder = public_folder();
    let (file, part) = (folder.path().join("out/a"), folder.path().join("out/a.part"));
    fs::write(&part, "theirs").unwrap();
    let open = File::open(&part).unwrap();
    assert!(refusal(&["replay", CAPTURE, "-o", text(&file)]).contains("a.part already exists"));
    assert_eq!(outcome(&["replay", CAPTURE, "-o", text(&file), "--force"]).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), outcome(&["replay", CAPTURE]).1);
    assert_eq!(std::io::read_to_string(open).unwrap(), "theirs");
    assert_eq!(names(&folder.path().join("out")), ["a"]);
}

#[test]
fn a_report_belongs_to_the_user_who_called_sudo_and_is_written_with_that_user_s_rights() {
    if !nix::unistd::Uid::effective().is_root() {
        return eprintln!("skipped: only root can call as another user");
    }
    let replay = |file: &Path| {
        let mut command = portlore(&["replay", CAPTURE, "-o", text(file)]);
        told(&command.env("SUDO_UID", "65534").env("SUDO_GID", "65534").output().unwrap())
    };
    let folder = public_folder();
    let file = folder.path().join("out/report");
    assert_eq!(replay(&file), (0, String::new(), String::new()));
    let metadata = file.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (65_534, 65_534));
    let closed = tempfile::tempdir().unwrap();
    let (status, _, stderr) = replay(&closed.path().join("report"));
    assert_eq!(status, 2);
    assert!(stderr.contains("by the user \"nobody\": permission denied"), "{stderr}");
}

#[test]
fn a_report_on_a_full_disk_is_one_line_and_leaves_what_was_there() {
    if !nix::unistd::Uid::effective().is_root() {
        return eprintln!("skipped: only root can mount a disk");
    }
    let disk = SmallDisk::new();
    let folder = disk.0.path().join("out");
    let file = folder.join("report");
    fs::write(&file, "evidence").unwrap();
    assert!(fs::write(folder.join("filler"), vec![0; 4 << 20]).is_err());
    for (path, before) in [(&file, Some("evidence")), (&folder.join("new"), None)] {
        let refusal = refusal(&["replay", CAPTURE, "-o", text(path), "--force"]);
        let reason = format!("portlore: {} cannot be written: no space left", path.display());
        assert!(refusal.starts_with(&reason) && refusal.lines().count() == 1, "{refusal}");
        assert_eq!(fs::read_to_string(path).ok().as_deref(), before);
    }
    assert_eq!(names(&folder), ["filler", "report"]);
}

/// The process that commits the outputs of a capture.
fn committing_process(child: &Child) -> String {
    let mut command = Command::new("pgrep");
    command.args(["-f", "-P", &child.id().to_string(), "output-commit"]);
    let pid = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(!pid.is_empty(), "no process commits outputs");
    pid.trim().to_owned()
}

#[test]
fn an_output_is_whole_or_not_there_whichever_process_is_killed() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let out = folder.path().join("out");
    let (report, capture) = (out.join("report"), out.join("show.pcapng"));
    let args = ["-i", "lo", "-f", "udp port 8000", "--force"];
    let args = [&args[..], &["-o", text(&report), "-w", text(&capture)]].concat();
    let sent = "for i in {1..60}; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/127.0.0.1/8000; done 2>/dev/null; true";
    for format in ["json", "ndjson"] {
        for parser_is_killed in [true, false] {
            fs::write(&report, "evidence").unwrap();
            fs::write(&capture, "evidence").unwrap();
            let mut child = net.capture(&[&args[..], &["--format", format]].concat());
            net.shell('b', sent);
            wait_for_frames(&mut child, 60);
            let committing = committing_process(&child);
            if parser_is_killed {
                signal(&child, "KILL");
            } else {
                assert!(
                    Command::new("kill").args(["-KILL", &committing]).status().unwrap().success()
                );
                // It is said at once, not when the next file is due.
                while !stderr_line(&mut child).contains("that renames outputs has ended") {}
                signal(&child, "INT");
            }
            // The committing process has the same standard error: this waits for its end too.
            let (status, _, stderr) = told(&child.wait_with_output().unwrap());
            assert_eq!(fs::read(&report).unwrap(), b"evidence", "{stderr}");
            assert_eq!(fs::read(&capture).unwrap(), b"evidence", "{stderr}");
            if !parser_is_killed {
                assert_eq!(status, 2, "{stderr}");
                let reason = "the process that renames the file has ended";
                assert!(stderr.contains(reason) && stderr.contains("report.part"), "{stderr}");
                assert_eq!(outcome(&["replay", &format!("{}.part", capture.display())]).0, 0);
            }
            let left = names(&out);
            assert!(!parser_is_killed || !left.contains(&"report.part".to_owned()), "{left:?}");
            left.iter()
                .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "part"))
                .for_each(|name| fs::remove_file(out.join(name)).unwrap());
        }
    }
}

#[test]
fn the_process_that_commits_ignores_signals_and_ends_with_the_one_that_parses() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let child = net.capture(&["-i", "lo", "-f", "udp port 8000", "-w", text(&file)]);
    let committing = committing_process(&child);
    let status = fs::read_to_string(format!("/proc/{committing}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!((field("NoNewPrivs:").as_str(), field("Seccomp:").as_str()), ("1", "2"));
    // CAP_DAC_OVERRIDE and CAP_FOWNER: root writes where root asks.
    assert_eq!(field("CapPrm:"), "000000000000000a");
    let descriptors = fs::read_dir(format!("/proc/{committing}/fd")).unwrap();
    let links: Vec<_> =
        descriptors.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
    // The last column is the inode.
    let packet = fs::read_to_string(format!("/proc/{committing}/net/packet")).unwrap();
    let inodes = packet.lines().skip(1).map(|line| line.split_whitespace().last().unwrap());
    let of_interface: Vec<_> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
    assert!(!of_interface.is_empty(), "the capture has a packet socket: {packet}");
    assert!(!links.iter().any(|link| of_interface.iter().any(|s| link == Path::new(s))));
    for name in ["INT", "TERM", "HUP", "QUIT", "USR1"] {
        let sent = Command::new("kill").args([&format!("-{name}"), &committing]).status().unwrap();
        assert!(sent.success());
    }
    let (status, _, stderr) = feed(&net, child);
    assert_eq!(
        (status, names(&folder.path().join("out"))),
        (0, vec!["show.pcapng".to_owned()]),
        "{stderr}"
    );
    assert!(!Path::new(&format!("/proc/{committing}")).exists());
}

#[test]
fn no_report_is_an_input_even_with_force() {
    let (folder, file, bytes) = copy();
    let (link, hard) = (folder.path().join("link"), folder.path().join("hard"));
    symlink(&file, &link).unwrap();
    fs::hard_link(&file, &hard).unwrap();
    let pattern = folder.path().join("it*");
    for input in [&file, folder.path(), &pattern, &link] {
        for output in [&file, &link, &hard] {
            let args = ["replay", text(input), "-o", text(output), "--force"];
            let refusal = refusal(&args);
            assert!(refusal.contains("it is one of the input captures"), "{refusal}");
            assert_eq!(fs::read(&file).unwrap(), bytes, "{args:?}");
        }
    }
}

#[test]
fn no_report_is_a_followed_file_or_a_file_in_a_followed_folder() {
    let (folder, file, bytes) = copy();
    // The next file of a ring, of which nothing is written yet.
    let next = folder.path().join("next");
    File::create(&next).unwrap();
    let pattern = folder.path().join("*t*");
    for input in [folder.path(), &pattern] {
        for output in [&file, &next] {
            let args = ["replay", "--follow", text(input), "-o", text(output), "--force"];
            assert!(refusal(&args).contains("it is one of the input captures"));
        }
    }
    let args = ["replay", "--follow", text(&file), "-o", text(&file), "--force"];
    assert!(refusal(&args).contains("it is one of the input captures"));
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn no_report_is_standard_input() {
    let (_folder, file, bytes) = copy();
    for args in [&["replay", "-"][..], &["replay", "--follow", "-"], &["replay", "/dev/stdin"]] {
        let args = [args, &["-o", text(&file), "--force"]].concat();
        let output = portlore(&args).stdin(File::open(&file).unwrap()).output().unwrap();
        assert!(refused(&output).contains("it is one of the input captures"));
        assert_eq!(fs::read(&file).unwrap(), bytes, "{args:?}");
    }
}

#[test]
fn a_standard_output_that_is_an_input_is_refused() {
    let (_folder, file, bytes) = copy();
    for args in [&["replay", text(&file)][..], &["replay", text(&file), "-o", "/dev/stdout"]] {
        let stdout = OpenOptions::new().append(true).open(&file).unwrap();
        let child = portlore(args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let refusal = refused(&child.wait_with_output().unwrap());
        assert!(refusal.contains("it is one of the input captures"), "{refusal}");
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
}

#[test]
fn no_report_is_a_service_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("desk.toml");
    fs::write(&file, DESK).unwrap();
    for named in [&file, folder.path()] {
        let args = ["replay", CAPTURE, "--catalogue", text(named), "-o", text(&file), "--force"];
        assert!(refusal(&args).contains("it is one of the service files in use"));
        assert_eq!(fs::read_to_string(&file).unwrap(), DESK);
    }
}

#[test]
fn devices_pipes_and_open_descriptors_are_no_files_to_be_overwritten() {
    assert_eq!(outcome(&["replay", CAPTURE, "-o", "/dev/null"]), (0, String::new(), String::new()));
    let report = outcome(&["replay", CAPTURE]).1;
    assert_eq!(
        outcome(&["replay", CAPTURE, "-o", "/dev/stdout"]),
        (0, report.clone(), String::new())
    );
    assert_eq!(
        outcome(&["replay", CAPTURE, "-o", "/dev/fd/2"]),
        (0, String::new(), report.clone())
    );
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for args in [["replay", CAPTURE, "-o"], ["live", "-ilo", "-w"], ["osc", CAPTURE, "-o"]] {
        let unread = refusal(&[&args[..], &[text(&fifo)]].concat());
        let reason = "no process reads from this FIFO; start its reader first";
        assert!(unread.contains(reason), "{unread}");
    }
    // This end opens without a writer, and reads what is there once there is one.
    let reader = OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(&fifo)
        .unwrap();
    assert_eq!(outcome(&["replay", CAPTURE, "-o", text(&fifo)]), (0, String::new(), String::new()));
    assert_eq!(std::io::read_to_string(reader).unwrap(), report);
    // What the shell appends to stays.
    let file = folder.path().join("log");
    fs::write(&file, "before\n").unwrap();
    let log = OpenOptions::new().append(true).open(&file).unwrap();
    let status = portlore(&["replay", CAPTURE, "-o", "/dev/stdout"]).stdout(log).status().unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("before\n{report}"));
}

#[test]
fn a_saved_capture_overwrites_no_file() {
    let folder = public_folder();
    let out = folder.path().join("out");
    let (file, part) = (out.join("show.pcapng"), out.join("show.pcapng.part"));
    for existing in [&file, &part] {
        fs::write(existing, "evidence").unwrap();
        // Before the interface is opened, so that this needs no rights.
        let args = ["live", "-i", "lo", "-w", text(&file), "--for", "100ms"];
        let refusal = refusal(&args);
        let expected = format!(
            "{} already exists; use --force to overwrite it, or choose another name\n",
            existing.display()
        );
        assert!(refusal.ends_with(&expected), "{refusal}");
        assert_eq!(fs::read(existing).unwrap(), b"evidence");
        fs::remove_file(existing).unwrap();
    }
    let report = out.join("report");
    fs::write(&report, "evidence").unwrap();
    let args = ["live", "-i", "lo", "-w", text(&report), "-o", text(&report), "--force"];
    assert!(refusal(&args).contains("-o and -w name the same file"));
    let args = ["live", "-i", "lo", "-w", text(&file), "-o", text(&part)];
    assert!(refusal(&args).contains("-o and -w name the same file"));
    assert_eq!(names(&out), ["report"]);
    assert_eq!(fs::read(&report).unwrap(), b"evidence");
}

#[test]
fn a_saved_capture_is_no_service_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("desk.toml");
    fs::write(&file, DESK).unwrap();
    let catalogue = ["--catalogue", text(folder.path())];
    let args = [&["live", "-i", "lo", "--force", "-w", text(&file)][..], &catalogue].concat();
    assert!(refusal(&args).contains("it is one of the service files in use"));
    assert_eq!(fs::read_to_string(&file).unwrap(), DESK);
}

/// Sends datagrams until the capture has ended.
fn feed(net: &Net, child: Child) -> (i32, String, String) {
    net.shell('b', "for i in {1..60}; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/127.0.0.1/8000; done 2>/dev/null; true");
    signal(&child, "INT");
    told(&child.wait_with_output().unwrap())
}

#[test]
fn a_saved_capture_replaces_a_file_with_force_and_a_series_takes_free_names() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let out = folder.path().join("out");
    let (file, part) = (out.join("show.pcapng"), out.join("show.pcapng.part"));
    fs::write(&file, "evidence").unwrap();
    let capture = ["-i", "lo", "-f", "udp port 8000", "-w", text(&file)];
    let series = net.capture(&[&capture[..], &["-C", "1K"]].concat());
    let (status, _, stderr) = feed(&net, series);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(fs::read(&file).unwrap(), b"evidence");
    assert!(names(&out).len() > 2, "{:?}", names(&out));
    fs::write(&part, "left behind").unwrap();
    let forced = net.capture(&[&capture[..], &["--force"]].concat());
    let (status, _, stderr) = feed(&net, forced);
    assert_eq!(status, 0, "{stderr}");
    assert!(!part.exists());
    assert!(outcome(&["replay", text(&file)]).1.contains("60 packets"));
}

#[test]
fn a_file_that_was_made_during_the_capture_stays() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let child = net.capture(&["-i", "lo", "-f", "udp port 8000", "-w", text(&file)]);
    fs::write(&file, "evidence").unwrap();
    let (status, _, stderr) = feed(&net, child);
    assert_eq!(status, 3, "{stderr}");
    assert!(stderr.contains("another file took this name meanwhile"), "{stderr}");
    assert_eq!(fs::read(&file).unwrap(), b"evidence");
    assert_eq!(outcome(&["replay", &format!("{}.part", file.display())]).0, 0);
}

#[test]
fn a_capture_can_be_saved_to_a_device_or_a_pipe() {
    let Some(net) = Net::new() else { return };
    let report = ["--format", "json", "-q", "-o", "/dev/null"];
    let capture = ["-i", "lo", "-f", "udp port 8000", "-w", "/dev/null"];
    let (status, _, stderr) = feed(&net, net.capture(&capture));
    assert_eq!(status, 0, "{stderr}");
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(
        &fs::metadata("/dev/null").unwrap().file_type()
    ));
    let mut command =
        net.command(&[&["-i", "lo", "-w", "/dev/stdout", "--for", "300ms"], &report[..]].concat());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(&0x0a0d_0d0a_u32.to_ne_bytes()));
}
