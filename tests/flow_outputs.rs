//! `--flows-to`: rows of flows beside the report, whole or not there.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::Stdio;

use crate::run::{names, outcome, portlore, refusal, refused, told};
use crate::saving::SmallDisk;

const CAPTURE: &str = "fixtures/showcase.pcap";
const ENDINGS: [&str; 3] = ["csv", "ndjson", "parquet"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The lines of a file of rows, with that of the names.
fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn flows_go_to_several_files_beside_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let file = |ending| folder.path().join(format!("flows.{ending}"));
    let files = ENDINGS.map(file);
    let mut args = vec!["replay", CAPTURE];
    args.extend(files.iter().flat_map(|file| ["--flows-to", text(file)]));
    assert_eq!(outcome(&args), outcome(&["replay", CAPTURE]));
    let (csv, ndjson) = (lines(&files[0]), lines(&files[1]));
    assert_eq!(csv, ndjson + 1);
    assert!(ndjson > 10);
    assert!(fs::read(&files[2]).unwrap().ends_with(b"PAR1"));
    assert_eq!(names(folder.path()), ["flows.csv", "flows.ndjson", "flows.parquet"]);
}

#[test]
fn a_file_of_flows_does_not_depend_on_the_other_outputs() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ENDINGS {
        let (alone, beside) = (format!("alone.{ending}"), format!("beside.{ending}"));
        let [alone, beside] = [alone, beside].map(|name| folder.path().join(name));
        outcome(&["replay", CAPTURE, "--flows-to", text(&alone)]);
        let mut args = vec!["replay", CAPTURE, "--format", "json", "--flows"];
        args.extend(["--flows-to", text(&beside)]);
        let others = ENDINGS.map(|other| folder.path().join(format!("{ending}.{other}")));
        args.extend(others.iter().flat_map(|file| ["--flows-to", text(file)]));
        assert_eq!(
            outcome(&args).1,
            outcome(&["replay", CAPTURE, "--format", "json", "--flows"]).1
        );
        assert_eq!(fs::read(alone).unwrap(), fs::read(beside).unwrap(), "{ending}");
    }
    // What `--why` adds to reports is not in columns.
    let why = folder.path().join("why.csv");
    outcome(&["replay", CAPTURE, "--why", "--flows-to", text(&why)]);
    assert_eq!(fs::read(why).unwrap(), fs::read(folder.path().join("alone.csv")).unwrap());
}

#[test]
fn files_of_flows_are_the_same_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let written = |workers: &str| {
        let files = ENDINGS.map(|ending| folder.path().join(format!("{workers}.{ending}")));
        let mut args = vec!["replay", "--workers", workers, "fixtures/*.pcap", "-o", "/dev/null"];
        args.extend(files.iter().flat_map(|file| ["--flows-to", text(file)]));
        let (status, _, stderr) = outcome(&args);
        assert!([0, 3].contains(&status), "{stderr}");
        files.map(|file| fs::read(file).unwrap())
    };
    let one = written("1");
    for workers in ["2", "16"] {
        assert!(written(workers) == one, "{workers} workers");
    }
}

#[test]
fn flows_on_standard_output_stand_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flows.csv");
    outcome(&["replay", CAPTURE, "--flows-to", text(&file)]);
    let flows = fs::read_to_string(&file).unwrap();
    let alone = (0, flows, String::new());
    assert_eq!(outcome(&["replay", CAPTURE, "--flows-to", "-.csv"]), alone);
    let report = folder.path().join("report");
    assert_eq!(outcome(&["replay", CAPTURE, "--flows-to", "-.csv", "-o", text(&report)]), alone);
    assert_eq!(fs::read_to_string(report).unwrap(), outcome(&["replay", CAPTURE]).1);
}

#[test]
fn flows_do_not_overwrite_a_file_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ENDINGS {
        let file = folder.path().join(format!("flows.{ending}"));
        fs::write(&file, "evidence").unwrap();
        let args = ["replay", CAPTURE, "--flows-to", text(&file)];
        let refusal = refusal(&args);
        assert!(refusal.contains("already exists; use --force"), "{refusal}");
        assert_eq!(fs::read(&file).unwrap(), b"evidence");
        assert_eq!(outcome(&[&args[..], &["--force"]].concat()).0, 0);
        assert_ne!(fs::read(&file).unwrap(), b"evidence");
    }
}

#[test]
fn two_outputs_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("a.csv"), folder.path().join("link"));
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    let (name, linked, part) = (text(&file), link.join("a.csv"), folder.path().join("a.csv.part"));
    for (args, reason) in [
        (["--flows-to", name, "--flows-to", name], "--flows-to and --flows-to name the same file"),
        (["--flows-to", text(&linked), "--flows-to", name], "name the same file"),
        (["-o", name, "--flows-to", name], "-o and --flows-to name the same file"),
        (["-o", text(&part), "--flows-to", name], "-o and --flows-to name the same file"),
        (["--flows-to", "-.csv", "--flows-to", "-.ndjson"], "two --flows-to name standard output"),
        (["-o", "/dev/stdout", "--flows-to", "-.csv"], "-o and --flows-to name standard output"),
    ] {
        let refusal = refusal(&[&["replay", CAPTURE][..], &args].concat());
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{refusal}");
    }
    assert_eq!(names(folder.path()), ["link"]);
}

#[test]
fn flows_do_not_go_where_the_capture_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)).unwrap();
    fs::write(&file, &bytes).unwrap();
    let refusal = refusal(&["replay", text(&file), "--flows-to", text(&file), "--force"]);
    assert!(
        refusal.contains("it is one of the input captures; choose another file with --flows-to")
    );
    for more in [&[][..], &["-o", "/dev/null"]] {
        let args = [&["replay", text(&file), "--flows-to", "-.csv"][..], more].concat();
        let stdout = OpenOptions::new().append(true).open(&file).unwrap();
        let child = portlore(&args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let refusal = refused(&child.wait_with_output().unwrap());
        assert!(refusal.contains("it is one of the input captures"), "{refusal}");
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_full_device_is_one_line_and_no_other_output_gets_its_name() {
    for ending in ENDINGS {
        let folder = tempfile::tempdir().unwrap();
        let (flows, report) = (folder.path().join("before.csv"), folder.path().join("report"));
        let full = format!("-.{ending}");
        let args = ["replay", CAPTURE, "--flows-to", text(&flows), "--flows-to", &full];
        let args = [&args[..], &["-o", text(&report)]].concat();
        let stdout = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let child = portlore(&args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let refusal = refused(&child.wait_with_output().unwrap());
        let reason = "portlore: standard output cannot be written: no space left on device";
        assert!(refusal.starts_with(reason) && refusal.lines().count() == 1, "{refusal}");
        assert!(!flows.exists() && !report.exists(), "{ending}");
    }
}

#[test]
fn a_reader_who_leaves_ends_the_run_quietly() {
    for ending in ENDINGS {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("beside.csv");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let to = format!("-.{ending}");
        let args = ["replay", CAPTURE, "--flows-to", text(&flows), "--flows-to", &to];
        let child = portlore(&args).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(told(&child.wait_with_output().unwrap()), (0, String::new(), String::new()));
        // It has only the flows until then.
        assert!(!flows.exists());
    }
}

#[test]
fn flows_on_a_full_disk_are_one_line_and_leave_what_was_there() {
    if !nix::unistd::Uid::effective().is_root() {
        return eprintln!("skipped: only root can mount a disk");
    }
    let disk = SmallDisk::new();
    let folder = disk.0.path().join("out");
    assert!(fs::write(folder.join("filler"), vec![0; 4 << 20]).is_err());
    for ending in ENDINGS {
        let file = folder.join(format!("flows.{ending}"));
        File::create(&file).unwrap();
        let args = ["replay", CAPTURE, "--flows-to", text(&file), "--force"];
        let refusal = refusal(&args);
        let reason = format!("portlore: {} cannot be written: no space left", file.display());
        assert!(refusal.starts_with(&reason) && refusal.lines().count() == 1, "{refusal}");
        assert_eq!(file.metadata().unwrap().len(), 0);
    }
}
