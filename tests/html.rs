//! `--html`: the page beside a report, whole or not there.

use std::fs;
use std::path::Path;

use crate::run::{captures, names, outcome, refusal};

const CAPTURE: &str = "fixtures/showcase.pcap";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_page_is_written_beside_any_report_which_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let mut first = None;
    for format in ["table", "json", "ndjson", "csv", "md"] {
        let report = ["replay", "--format", format, CAPTURE];
        let beside = [&report[..], &["--force", "--html", text(&path)]].concat();
        assert_eq!(outcome(&beside), outcome(&report), "{format}");
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{format}");
        assert_eq!(first.get_or_insert_with(|| page.clone()), &page, "{format}");
    }
    // Nor does what else is kept of connections change it.
    let rows = folder.path().join("flows.csv");
    for other in
        [&["--why"][..], &["--stats", "--servers", "--top", "1"], &["--flows-to", text(&rows)]]
    {
        let args = [&["replay", CAPTURE, "--force", "--html", text(&path)], other].concat();
        assert_eq!(outcome(&args).0, 0);
        assert_eq!(first.as_ref(), fs::read_to_string(&path).ok().as_ref(), "{other:?}");
    }
}

#[test]
fn the_page_is_the_same_for_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let all = [captures("fixtures"), captures("fixtures/cases")].concat();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let page = |workers: &str| {
        let path = folder.path().join(format!("{workers}.html"));
        let args = ["replay", "-q", "--workers", workers, "--html", text(&path)];
        outcome(&[&args, &all[..]].concat());
        fs::read(path).unwrap()
    };
    let one = page("1");
    assert!(one.len() > 300_000 && one.len() < 1_000_000, "{}", one.len());
    for workers in ["2", "16"] {
        assert!(page(workers) == one, "{workers}");
    }
}

#[test]
fn a_page_that_exists_is_kept_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, "mine").unwrap();
    let told = refusal(&["replay", CAPTURE, "--html", text(&path)]);
    assert!(told.contains("page.html") && told.contains("--force"), "{told}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(outcome(&["replay", CAPTURE, "--force", "--html", text(&path)]).0, 0);
    assert!(fs::read_to_string(&path).unwrap().len() > 10_000);
    assert_eq!(names(folder.path()), ["page.html"], "nothing unfinished stays");
}

#[test]
fn the_page_has_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    for (other, flag) in [("-o", "-o and --html"), ("--flows-to", "--flows-to and --html")] {
        let path = path.with_extension("csv");
        let told = refusal(&["replay", CAPTURE, "--html", text(&path), other, text(&path)]);
        assert!(told.contains(&format!("{flag} name the same file")), "{told}");
    }
    let capture = folder.path().join("own.pcap");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE), &capture).unwrap();
    let told = refusal(&["replay", text(&capture), "--force", "--html", text(&capture)]);
    assert!(told.contains("choose another file with --html"), "{told}");
}
