//! What a newcomer relies on: the README's commands exist, and the repository speaks of the project
//! alone.

use std::path::Path;

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_readme_names_the_commands_that_there_are() {
    let (readme, makefile) = (text("README.md"), text("Makefile"));
    for target in ["demo", "test"] {
        assert!(
            readme.contains(&format!("make {target}"))
                && makefile.contains(&format!("\n{target}:")),
            "make {target}"
        );
    }
    assert!(text(".ci/run").contains("make test"));
}

/// The report that the README shows is the one that the program prints.
#[test]
fn the_readme_shows_a_real_report() {
    let golden = text("fixtures/showcase.txt");
    // What does not belong, and the ports.
    let blocks = golden.split("\n\n").skip(1).take(2).flat_map(str::lines);
    let readme = text("README.md");
    for line in blocks {
        assert!(readme.contains(line.trim_end()), "the README does not show: {line}");
    }
}

#[test]
fn every_capture_has_its_provenance() {
    for folder in ["fixtures", "fixtures/cases"] {
        let readme = text(&format!("{folder}/README.md"));
        for capture in crate::run::captures(folder) {
            let name = capture.rsplit('/').next().unwrap();
            assert!(
                readme.contains(&format!("`{name}`")),
                "{name} has no row in {folder}/README.md"
            );
        }
    }
}

#[test]
fn every_fact_of_the_sheet_is_listed_for_authors_of_catalogues() {
    let (status, stdout, _) = crate::run::outcome(&["catalogue", "facts"]);
    assert_eq!(status, 0);
    for fact in ["osc.address", "http.response-header.*", "tls.sni", "ssh.software", "csta.root"] {
        assert!(stdout.lines().any(|line| line == fact), "{fact}");
    }
}
