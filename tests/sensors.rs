//! Several sensors: their snapshots, merged in whatever order, give what one run over all of them
//! gives.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::pipeline::CapturePart;
use portlore::snapshot::{MergedFile, SensorState, SnapshotContents};

use crate::run::{in_folder, outcome};
use crate::time_window::{pcap, records};

/// Captures of eight sensors. Two of them have the same, whose addresses are therefore the same.
const SENSORS: [(&str, &[&str]); 8] = [
    ("attic", &["showcase.pcap", "x32-udp-10023.pcap"]),
    ("barn", &["showcase.pcap"]),
    ("cellar", &["cases/icmp-unreachable.pcap"]),
    ("dock", &["eos-tcp-slip-3037.pcap"]),
    ("east", &["cases/redis-3006.pcap", "showcase.pcap"]),
    ("foyer", &["cases/finding-tunnel.pcap"]),
    ("grid", &["showcase.pcap", "cases/redis-3006.pcap"]),
    ("hall", &["cases/vlan-tenants-3001.pcap"]),
];

/// A folder with a folder for each sensor, and captures in it.
fn captures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (sensor, captures) in SENSORS {
        let own = folder.path().join("sensors").join(sensor);
        fs::create_dir_all(&own).unwrap();
        for (number, capture) in captures.iter().enumerate() {
            let from = fixtures.join(capture);
            let copied = fs::copy(&from, own.join(format!("{number}.pcap")));
            copied.unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
    }
    folder
}

/// The same of a run that succeeds: stdout and stderr.
fn run(folder: &Path, line: &str) -> (String, String) {
    let (status, stdout, stderr) = in_folder(folder, line);
    assert_eq!(status, 0, "{line}: {stderr}");
    (stdout, stderr)
}

/// A snapshot of each sensor; of those with two captures, one after the first of them as well.
fn snapshots(folder: &Path) {
    for (sensor, captures) in SENSORS {
        let part = |number: usize, more: &str| {
            let line = format!(
                "replay -q --sensor {sensor} --chain @sensors/{sensor}/{number}.pcap{more} \
                 --snapshot @{sensor}-{number}.plore"
            );
            run(folder, &line);
        };
        part(0, "");
        for number in 1..captures.len() {
            part(number, &format!(" --resume @{sensor}-{}.plore", number - 1));
        }
    }
}

/// The names of the last snapshots.
fn last_snapshots() -> Vec<String> {
    let last = |(sensor, captures): &(&str, &[&str])| format!("{sensor}-{}", captures.len() - 1);
    SENSORS.iter().map(last).collect()
}

/// A number below `limit` that follows from the last one: the same orders in every run of the test.
fn next(state: &mut u64, limit: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % limit
}

#[test]
fn snapshots_merged_in_any_order_and_tree_give_the_report_and_the_file_of_all_sensors() {
    let folder = captures();
    let folder = folder.path();
    snapshots(folder);
    let whole = run(folder, "replay -q --sensors @sensors --format json --html @whole.html").0;
    let page = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let all = last_snapshots().iter().map(|name| format!("@{name}.plore")).collect::<Vec<_>>();
    let line = format!("merge --format json --html @merged.html -o @all.plore {}", all.join(" "));
    assert_eq!(run(folder, &line).0, whole);
    assert!(page("merged.html") == page("whole.html"));
    assert_eq!(run(folder, "report @all.plore --format json").0, whole);
    let file = fs::read(folder.join("all.plore")).unwrap();
    let trees = if std::env::var_os("PORTLORE_ALL_CUTS").is_some() { 50 } else { 4 };
    for tree in 0..trees {
        let mut state = tree;
        let mut left = all.clone();
        // A snapshot may come twice, or with one that it continues.
        left.extend([all[1].clone(), "@attic-0.plore".into(), "@grid-0.plore".into()]);
        let mut number = 0;
        while left.len() > 1 {
            let some = 2 + next(&mut state, left.len() - 1);
            let chosen: Vec<String> = (0..some.min(left.len()))
                .map(|_| left.remove(next(&mut state, left.len())))
                .collect();
            let name = format!("@tree-{tree}-{number}.plore");
            run(folder, &format!("merge -q -o {name} {}", chosen.join(" ")));
            left.push(name);
            number += 1;
        }
        let merged = folder.join(left[0].trim_start_matches('@'));
        assert!(fs::read(merged).unwrap() == file, "tree {tree}");
    }
}

#[test]
fn the_same_address_at_two_sensors_is_two_servers_and_a_conversation_two_flows() {
    let folder = captures();
    let report = run(folder.path(), "replay -q --sensors @sensors --flows --format json").0;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["capture"]["sensors"][1], "barn");
    let servers = report["servers"].as_array().unwrap();
    let at =
        |server: &&serde_json::Value| server["address"] == "192.0.2.10" && server["port"] == 22;
    let of: Vec<_> = servers.iter().filter(at).map(|server| &server["sensor"]).collect();
    assert_eq!(of, ["attic", "barn", "east", "grid"]);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["sensor"] == "barn"));
    // The second capture of the first sensor, and the first one of the second.
    let flows = report["flows"].as_array().unwrap();
    let place = |flow: &serde_json::Value| (flow["file"].clone(), flow["file_frame"].clone());
    let places: Vec<_> = flows.iter().map(place).collect();
    assert!(places.contains(&("attic/1.pcap".into(), 1.into())), "{places:?}");
    assert!(places.contains(&("barn/0.pcap".into(), 1.into())), "{places:?}");
    let table = run(folder.path(), "replay -q --sensors @sensors --servers --top 0").0;
    assert!(table.contains("SENSOR") && table.contains("barn "), "{table}");
    let csv = run(folder.path(), "replay -q --sensors @sensors --format csv --table servers").0;
    assert!(csv.starts_with("sensor,transport,") && csv.contains("\n\"barn\",\"tcp\","), "{csv}");
}

#[test]
fn a_snapshot_that_is_part_of_another_is_counted_once_and_said_to_be() {
    let folder = captures();
    let folder = folder.path();
    snapshots(folder);
    let alone = run(folder, "merge --format json @attic-1.plore").0;
    for (more, said) in [
        ("@attic-0.plore", "attic-0.plore: attic is counted once; "),
        ("@attic-1.plore", "attic-1.plore: attic is counted once; "),
    ] {
        let (both, notice) = run(folder, &format!("merge --format json @attic-1.plore {more}"));
        assert_eq!(both, alone);
        assert!(notice.contains(said) && notice.lines().count() == 1, "{notice}");
    }
}

#[test]
fn snapshots_that_do_not_belong_together_are_refused_by_name() {
    let folder = captures();
    let folder = folder.path();
    let part = "replay -q --chain --sensor";
    for line in [
        format!("{part} a @sensors/attic/0.pcap --snapshot @a0.plore"),
        format!("{part} a @sensors/attic/1.pcap --snapshot @a1.plore"),
        format!("{part} a @sensors/attic/1.pcap @sensors/attic/0.pcap --snapshot @a10.plore"),
        format!("{part} b @sensors/barn/0.pcap --max-flows 99 --snapshot @limits.plore"),
        format!("{part} b @sensors/barn/0.pcap -f tcp --snapshot @filter.plore"),
        format!("{part} c @sensors/barn/0.pcap --snapshot @c.plore"),
        "merge -q @a0.plore @c.plore -o @ac.plore".into(),
    ] {
        run(folder, &line);
    }
    for (line, said) in [
        ("merge @a0.plore @a1.plore", "a1.plore does not continue"),
        ("merge @a0.plore @a10.plore", "a10.plore has packets of a that "),
        ("merge @ac.plore @a10.plore", "a10.plore has packets of a that "),
        ("merge @a0.plore @limits.plore", "it was written with --max-flows 99, not 4194304"),
        ("merge @a0.plore @filter.plore", "it was written with --filter 'tcp', not (none)"),
        ("merge @a0.plore @sensors/attic/0.pcap", "is a capture, not a snapshot"),
        ("merge @a0.plore -o @a0.plore --force", "it is one of the input files"),
        (
            "replay -q --chain --sensor a @sensors/attic/1.pcap --resume @ac.plore --snapshot @x",
            "ac.plore cannot be continued: merge has written it; name a snapshot",
        ),
    ] {
        let (status, stdout, stderr) = in_folder(folder, line);
        let said_alone = (status, stdout.as_str(), stderr.lines().count());
        assert_eq!(said_alone, (2, "", 1), "{line}: {stderr}");
        assert!(stderr.contains(said), "{line}: {stderr}");
    }
}

#[test]
fn a_conversation_across_rotated_files_is_one_flow_with_file_and_frame_of_each_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (header, records) = records("fixtures/ssh-3001.pcap");
    let frames = records.len() as u64;
    // Four frames a file, so that both greetings are in the second one.
    let files: Vec<_> = records.chunks(4).map(|records| pcap(&header, records)).collect();
    assert!(files.len() >= 3);
    for (number, file) in files.iter().enumerate() {
        fs::write(folder.join(format!("east-{number}.pcap")), file).unwrap();
    }
    for order in ["", "--chain "] {
        let names = (0..files.len()).map(|number| format!("@east-{number}.pcap"));
        let names = names.collect::<Vec<_>>().join(" ");
        let line = format!("replay -q {order}--why --format json {names}");
        let report: serde_json::Value = serde_json::from_str(&run(folder, &line).0).unwrap();
        let flows = report["flows"].as_array().unwrap();
        assert_eq!(flows.len(), 1);
        let packets = &flows[0]["packets"];
        let sum = packets["initiator"].as_u64().unwrap() + packets["responder"].as_u64().unwrap();
        assert_eq!(sum, frames);
        for reason in flows[0]["verdict"]["reasons"].as_array().unwrap() {
            let Some(frame) = reason["frame"].as_u64() else { continue };
            let file = reason["file"].as_str().unwrap();
            let expected = format!("east-{}.pcap", (frame - 1) / 4);
            assert!(file.ends_with(&expected), "{reason}");
            assert_eq!(reason["file_frame"].as_u64(), Some((frame - 1) % 4 + 1), "{reason}");
            let text = run(folder, &format!("replay -q {order}--why {names}")).0;
            let told = format!("frame {frame} ({expected} frame {})", (frame - 1) % 4 + 1);
            assert!(text.replace("\n    ", " ").contains(&told), "{text}");
        }
    }
}

/// `fixtures/snapshots/N.plore` has counts in format N, as a version before this one wrote them: it
/// stays as it is, whatever becomes of the format. `PORTLORE_BLESS=1` writes a file that does not exist.
#[test]
fn counts_of_every_format_are_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/snapshots");
    let bless = std::env::var_os("PORTLORE_BLESS").is_some();
    let (file, report) = (fixtures.join("1.plore"), fixtures.join("1.json"));
    if bless && !file.exists() {
        fs::create_dir_all(&fixtures).unwrap();
        fs::write(&file, older()).unwrap();
    }
    let (status, stdout, stderr) =
        outcome(&["report", "fixtures/snapshots/1.plore", "--format", "json"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    if bless {
        fs::write(&report, &stdout).unwrap();
    }
    assert_eq!(stdout, fs::read_to_string(report).unwrap());
}

/// The counts of two sensors as an older version wrote them.
fn older() -> Vec<u8> {
    let folder = captures();
    let folder = folder.path();
    snapshots(folder);
    run(folder, "merge -q -o @two.plore @barn-0.plore @dock-0.plore");
    let (bytes, catalogue) =
        (fs::read(folder.join("two.plore")).unwrap(), Catalogue::shipped().unwrap());
    let contents = SnapshotContents::read("two", &bytes, &catalogue).unwrap();
    let mut abouts = contents.abouts().to_vec();
    for about in &mut abouts {
        about.version = "0.0.9".into();
        about.catalogue = [9; 32];
        about.files.iter_mut().for_each(|file| file.name = "capture.pcap".into());
    }
    let mut file = MergedFile::new(abouts);
    for place in 0..2 {
        let state = contents.read_sensor(place, ("two", &bytes), &catalogue).unwrap();
        let SensorState::Closed(counts) = state else { panic!("something is open") };
        file.add(&mut CapturePart::of_counts(*counts, Arc::clone(&catalogue)));
    }
    file.finish()
}

/// What is open is read by the version that wrote it alone, and so are counts of another format.
#[test]
fn a_merged_file_that_is_cut_or_changed_at_any_byte_is_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/snapshots/1.plore");
    let (bytes, catalogue) = (fs::read(path).unwrap(), Catalogue::shipped().unwrap());
    let read = |bytes: &[u8]| {
        let contents = SnapshotContents::read("a", bytes, &catalogue)?;
        let mut places = 0..contents.abouts().len();
        places.try_for_each(|at| contents.read_sensor(at, ("a", bytes), &catalogue).map(drop))
    };
    assert_eq!(read(&bytes), Ok(()));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        for bytes in [&bytes[..at], &changed] {
            let read: portlore::Result<()> = read(bytes);
            let error = read.unwrap_err().to_string();
            assert!(error.starts_with("a ") && !error.contains('\n'), "{at}: {error}");
        }
    }
}
