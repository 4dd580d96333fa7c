//! What a live capture saves: whole, no more than was asked for, rotated, and on a full disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::net::{Net, TRAFFIC, segments, signal, stderr_line, wait_for_frames};
use crate::privilege::public_folder;
use crate::run::{document, told};

/// The files of a folder, by name.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_is_captured_is_saved_and_reads_the_same() {
    let Some(net) = Net::new("w") else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let name = file.to_str().unwrap();
    let mut child = net.capture(&[
        "-i",
        "lo",
        "-i",
        "veth0",
        "-f",
        "udp port 8000 or tcp",
        "-w",
        name,
        "--format",
        "json",
        "--flows",
    ]);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 5);
    assert_eq!(files_in(&folder.path().join("out")), [folder.path().join("out/show.pcapng.part")]);
    signal(&child, "TERM");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(files_in(&folder.path().join("out")), std::slice::from_ref(&file));
    let owner = std::os::unix::fs::MetadataExt::uid(&file.metadata().unwrap());
    assert_eq!(owner, 65_534, "root was given up before the file was made");
    let mut live: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    // A file does not know whose the sockets were.
    for (of, what) in [("flows", "process"), ("ports", "processes")] {
        live[of]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|one| drop(one.as_object_mut().unwrap().remove(what)));
    }
    let (status, read) = document(&[name]);
    assert_eq!(status, 0);
    for what in ["flows", "ports", "services"] {
        assert_eq!(read[what], live[what], "{what}");
    }
    assert_eq!(read["capture"]["frames"], live["capture"]["frames"]);
}

#[test]
fn no_more_is_saved_than_was_asked_for() {
    let Some(net) = Net::new("n") else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let child =
        net.capture(&["-i", "lo", "-f", "udp port 8000", "-c", "2", "-w", file.to_str().unwrap()]);
    net.shell(
        'b',
        "(for i in {1..500}; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/127.0.0.1/8000; done) 2>/dev/null; true",
    );
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("lo: 2 packets"), "{stdout}");
    assert_eq!(document(&[file.to_str().unwrap()]).1["capture"]["frames"], 2);
}

#[test]
fn a_row_of_files_is_rotated_by_size_and_only_the_newest_stay() {
    let Some(net) = Net::new("r") else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let args = [
        "-i",
        "veth0",
        "-f",
        "udp port 8000",
        "-c",
        "60",
        "-w",
        file.to_str().unwrap(),
        "-C",
        "1K",
        "-W",
        "3",
    ];
    let child = net.capture(&args);
    (0..20).for_each(|_| net.client(TRAFFIC));
    let (status, _, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    let files = files_in(&folder.path().join("out"));
    assert_eq!(files.len(), 3, "{files:?}");
    let name = |at: usize| files[at].file_name().unwrap().to_str().unwrap().to_owned();
    let number = |at: usize| {
        name(at)["show_".len()..]["00000".len()..]
            .starts_with("_20")
            .then(|| name(at)[5..10].parse::<u32>().unwrap())
    };
    let last = number(2).unwrap();
    assert!(last > 3 && (number(0), number(1)) == (Some(last - 2), Some(last - 1)), "{files:?}");
    for file in &files {
        assert_eq!(document(&[file.to_str().unwrap()]).0, 0, "{}", file.display());
    }
}

/// A file system of three MiB, for as long as it lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let folder = public_folder();
        let out = folder.path().join("out");
        let args =
            ["-t", "tmpfs", "-o", "size=3m,mode=777", "portlore-test", out.to_str().unwrap()];
        assert!(Command::new("mount").args(args).status().unwrap().success());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path().join("out")).status());
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_a_whole_file() {
    let Some(net) = Net::new("f") else { return };
    let disk = SmallDisk::new();
    let file = disk.0.path().join("out/show.pcapng");
    let mut child =
        net.capture(&["-i", "veth0", "-f", "host 10.77.0.1", "-w", file.to_str().unwrap()]);
    net.client("for i in {1..70}; do head -c 60000 /dev/zero > /dev/udp/10.77.0.2/8000; done");
    let line = stderr_line(&mut child);
    assert!(
        line.contains("No space left on device")
            && line.contains("capture continues without saving"),
        "{line}"
    );
    let before = segments(&mut child);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, before + 3);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 3, "{stderr}");
    assert!(stdout.contains("OSC (no answer)"), "{stdout}");
    assert_eq!(files_in(&disk.0.path().join("out")), std::slice::from_ref(&file));
    let (status, read) = document(&[file.to_str().unwrap()]);
    assert_eq!(status, 0, "whole blocks only");
    assert!(read["capture"]["frames"].as_u64().unwrap() > 1000);
}

#[test]
fn a_folder_that_the_user_may_not_write_in_is_refused_before_the_capture() {
    let Some(net) = Net::new("o") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.pcapng");
    let mut command = net.command(&["-i", "veth0", "-w", file.to_str().unwrap()]);
    let (status, _, stderr) = told(&command.output().unwrap());
    assert_eq!(status, 2);
    assert!(
        stderr.contains("show.pcapng: cannot be created") && stderr.contains("--user"),
        "{stderr}"
    );
    // Root may say that it is to stay root, without any of root's powers: its own folder it can
    // still write in.
    let (status, _, stderr) = told(
        &net.command(&[
            "-i",
            "veth0",
            "-w",
            file.to_str().unwrap(),
            "--user",
            "root",
            "--for",
            "100ms",
        ])
        .output()
        .unwrap(),
    );
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(files_in(folder.path()), [file]);
}
