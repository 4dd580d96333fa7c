//! What a live capture saves: whole, no more than was asked for, rotated, and on a full disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::net::{Net, TRAFFIC, segments, signal, stderr_line, wait_for_frames};
use crate::privilege::public_folder;
use crate::run::{document, entries, told};

#[test]
fn what_is_captured_is_saved_and_reads_the_same() {
    let Some(net) = Net::new() else { return };
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
    assert_eq!(entries(&folder.path().join("out")), [folder.path().join("out/show.pcapng.part")]);
    signal(&child, "TERM");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(entries(&folder.path().join("out")), std::slice::from_ref(&file));
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
    let Some(net) = Net::new() else { return };
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
    let Some(net) = Net::new() else { return };
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
    let files = entries(&folder.path().join("out"));
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
pub struct SmallDisk(pub tempfile::TempDir);

impl SmallDisk {
    pub fn new() -> Self {
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
    let Some(net) = Net::new() else { return };
    let disk = SmallDisk::new();
    let file = disk.0.path().join("out/show.pcapng");
    let mut child =
        net.capture(&["-i", "veth0", "-f", "host 10.77.0.1", "-w", file.to_str().unwrap()]);
    net.client("for i in {1..70}; do dd if=/dev/zero bs=60000 count=1 status=none > /dev/udp/10.77.0.2/8000; done");
    let line = stderr_line(&mut child);
    assert!(
        line.contains("no space left on device")
            && line.contains("capture continues without saving"),
        "{line}"
    );
    let before = segments(&mut child);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, before + 3);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 3, "{stderr}");
    assert!(stdout.contains("osc (no answer)"), "{stdout}");
    assert_eq!(entries(&disk.0.path().join("out")), std::slice::from_ref(&file));
    let (status, read) = document(&[file.to_str().unwrap()]);
    assert_eq!(status, 0, "whole blocks only");
    assert!(read["capture"]["frames"].as_u64().unwrap() > 1000);
}

/// A short capture on one interface, saved in `file`; `caller` called sudo.
fn save_as(net: &Net, file: &Path, caller: Option<u32>, more: &[&str]) -> (i32, String) {
    let args = ["-i", "veth0", "--for", "100ms", "-w", file.to_str().unwrap()];
    let mut command = net.command(&[&args, more].concat());
    if let Some(caller) = caller {
        command.env("SUDO_UID", caller.to_string()).env("SUDO_GID", caller.to_string());
    }
    let (status, _, stderr) = told(&command.output().unwrap());
    (status, stderr)
}

#[test]
fn a_capture_is_saved_with_the_rights_of_the_caller_and_belongs_to_the_caller() {
    const NOBODY: u32 = 65_534;
    let Some(net) = Net::new() else { return };
    let owner = |file: &Path| std::os::unix::fs::MetadataExt::uid(&file.metadata().unwrap());
    // The folder is open to root alone.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.pcapng");
    let (status, stderr) = save_as(&net, &file, Some(NOBODY), &[]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("permission denied") && stderr.contains("by the user \"nobody\""),
        "{stderr}"
    );
    let (status, stderr) = save_as(&net, &file, None, &["--user", "nobody"]);
    assert_eq!(status, 2, "{stderr}");
    assert_eq!(entries(folder.path()), Vec::<PathBuf>::new());
    let (status, stderr) = save_as(&net, &file, None, &[]);
    assert_eq!((status, owner(&file)), (0, 0), "{stderr}");
    assert_eq!(entries(folder.path()), std::slice::from_ref(&file));
    // Root writes where root asks, also in a folder of another user.
    std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let (status, stderr) = save_as(&net, &file, None, &["--force"]);
    assert_eq!((status, owner(&file)), (0, 0), "{stderr}");
    let other = folder.path().join("other.pcapng");
    let (status, stderr) = save_as(&net, &other, Some(NOBODY), &[]);
    assert_eq!((status, owner(&other)), (0, NOBODY), "{stderr}");
}

#[test]
fn a_full_disk_replaces_no_capture_even_with_force() {
    let Some(net) = Net::new() else { return };
    let disk = SmallDisk::new();
    let file = disk.0.path().join("out/show.pcapng");
    std::fs::write(&file, "evidence").unwrap();
    let mut child = net.capture(&[
        "-i",
        "veth0",
        "-f",
        "host 10.77.0.1",
        "-w",
        file.to_str().unwrap(),
        "--force",
    ]);
    net.client("for i in {1..70}; do dd if=/dev/zero bs=60000 count=1 status=none > /dev/udp/10.77.0.2/8000; done");
    let line = stderr_line(&mut child);
    assert!(line.contains("no space left on device"), "{line}");
    assert!(line.contains("the data so far is in") && line.contains("show.pcapng.part"), "{line}");
    signal(&child, "INT");
    assert_eq!(told(&child.wait_with_output().unwrap()).0, 3);
    assert_eq!(std::fs::read(&file).unwrap(), b"evidence");
    let part = format!("{}.part", file.display());
    assert_eq!(document(&[&part]).0, 0, "whole blocks only");
}

/// Sends about so many datagrams of 60 kB to side b.
fn bulk(net: &Net, datagrams: u32) {
    net.client(&format!("for i in {{1..{datagrams}}}; do dd if=/dev/zero bs=60000 count=1 status=none > /dev/udp/10.77.0.2/8000; done"));
}

#[test]
fn saving_goes_on_when_the_disk_has_room_again_with_the_gap_counted() {
    let Some(net) = Net::new() else { return };
    let disk = SmallDisk::new();
    let file = disk.0.path().join("out/show.pcapng");
    let ballast = disk.0.path().join("out/ballast");
    std::fs::write(&ballast, vec![0; 2 << 20]).unwrap();
    let mut child =
        net.capture(&["-i", "veth0", "-f", "host 10.77.0.1", "-w", file.to_str().unwrap()]);
    bulk(&net, 40);
    let line = stderr_line(&mut child);
    assert!(line.contains("capture continues without saving until there is room"), "{line}");
    std::fs::remove_file(&ballast).unwrap();
    net.client(TRAFFIC);
    let line = stderr_line(&mut child);
    assert!(
        line.contains("show.pcapng: saving continues; ") && line.contains(" not saved meanwhile"),
        "{line}"
    );
    let before = segments(&mut child);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, before + 3);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 3, "{stderr}");
    let lost = |text: &str| -> Option<u64> {
        let before = text.split_once(" packets not saved; ")?.0;
        before.rsplit_once("; ")?.1.replace(',', "").parse().ok()
    };
    let (lost, in_report) = (lost(&stderr), lost(&stdout));
    assert!(lost.is_some() && lost == in_report, "{stderr}{stdout}");
    let (status, read) = document(&[file.to_str().unwrap()]);
    assert_eq!(status, 0, "whole blocks only");
    let total: u64 = stdout
        .split_once("veth0: ")
        .and_then(|(_, rest)| rest.split(' ').next()?.replace(',', "").parse().ok())
        .unwrap();
    assert_eq!(
        read["capture"]["frames"].as_u64().unwrap() + lost.unwrap(),
        total,
        "all are accounted for"
    );
}

#[test]
fn a_ring_on_a_full_disk_goes_on_by_removing_its_oldest_file() {
    let Some(net) = Net::new() else { return };
    let disk = SmallDisk::new();
    let file = disk.0.path().join("out/show.pcapng");
    let name = file.to_str().unwrap();
    // Two whole files and a third do not fit.
    let mut child =
        net.capture(&["-i", "veth0", "-f", "host 10.77.0.1", "-w", name, "-C", "1200K", "-W", "1"]);
    let mut sent = 0;
    let number = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.strip_prefix("show_").unwrap()[..5].parse::<u32>().unwrap()
    };
    while entries(&disk.0.path().join("out")).iter().map(number).max().unwrap_or(0) < 5 {
        bulk(&net, 10);
        sent += 10;
        assert!(sent < 2000, "{:?}", entries(&disk.0.path().join("out")));
        segments(&mut child);
    }
    signal(&child, "INT");
    let (status, _, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "nothing was lost: {stderr}");
    for file in entries(&disk.0.path().join("out")) {
        assert_eq!(document(&[file.to_str().unwrap()]).0, 0, "{}: {stderr}", file.display());
    }
}
