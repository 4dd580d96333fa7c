//! The recipes of `CONTRIBUTING.md` name files and identifiers that exist, so that a newcomer who
//! follows them finds each place. So do the map and the promises of `SECURITY.md`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::run::files;

/// What the examples of the recipes are called: files and words that do not exist yet.
const EXAMPLES: [&str; 4] = ["rtsp", "Rtsp", "mediamtx", "rst"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts in backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_example(text: &str) -> bool {
    EXAMPLES.iter().any(|example| text.contains(example))
}

/// The rows of a recipe: the cells with the files, and with what is done there.
fn rows(recipe: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let start = text.find(&format!("\n## Recipe: {recipe}\n")).expect(recipe);
    let section = text[start + 1..].split("\n## ").next().unwrap();
    let cells = |line: &str| line.split(" | ").map(str::to_owned).collect::<Vec<_>>();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    rows.map(cells).map(|cells| (cells[1].clone(), cells[2..].join(" "))).collect()
}

#[test]
fn every_recipe_names_places_that_exist() {
    for recipe in ["a detector", "a service", "an output format", "a counter per port", "a flag"] {
        let rows = rows(recipe);
        assert!(rows.len() >= 4, "{recipe}: {} rows", rows.len());
        for (files, what) in rows {
            let mut text = String::new();
            for file in code(&files) {
                let path = root().join(file);
                let folder = path.parent().unwrap();
                if is_example(file) || file.contains('*') || file.ends_with('…') {
                    assert!(folder.is_dir(), "{recipe}: there is no folder for {file}");
                } else {
                    text += &std::fs::read_to_string(&path)
                        .unwrap_or_else(|error| panic!("{recipe}: {file}: {error}"));
                }
            }
            let is_name = |word: &&str| !is_example(word) && !word.contains([' ', '/']);
            let words = code(&what).filter(is_name);
            for word in words.filter(|_| !text.is_empty()) {
                let word = word.rsplit("::").next().unwrap_or(word);
                let whole = text.match_indices(word).any(|(at, _)| {
                    let is_part = |c: char| c.is_alphanumeric() || c == '_';
                    !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
                });
                assert!(whole, "{recipe}: {files} does not contain {word}");
            }
        }
    }
}

#[test]
fn the_files_that_the_recipes_point_to_exist() {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let paths = code(&text).filter(|word| word.starts_with("src/") || word.starts_with("docs/"));
    let real = paths.filter(|path| !is_example(path) && !path.contains('*'));
    for path in real {
        assert!(root().join(path).exists(), "CONTRIBUTING.md names {path}");
    }
}

#[test]
fn the_map_names_files_that_exist() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let is_path = |word: &&str| {
        Path::new(word).extension().is_some_and(|x| x == "rs")
            || word.ends_with('/')
            || word.starts_with("src/")
    };
    let mut paths = 0;
    for path in code(&text).filter(|word| !word.contains('\n')).filter(is_path) {
        let found =
            ["", "src", "src/detect"].iter().any(|base| root().join(base).join(path).exists());
        assert!(found, "docs/ARCHITECTURE.md names {path}");
        paths += 1;
    }
    assert!(paths > 20, "{paths} paths were checked");
}

#[test]
fn the_map_names_every_module() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let names = [format!("`src/{name}`"), format!("`{name}`"), format!("`src/{name}.rs`")];
        let is_named = names.iter().any(|name| text.contains(name));
        assert!(is_named || name == "lib.rs", "docs/ARCHITECTURE.md does not name src/{name}");
    }
}

#[test]
fn the_tests_that_check_the_promises_exist() {
    let mut defined = BTreeSet::new();
    for folder in ["src", "tests"] {
        for path in files(&root().join(folder)) {
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
            defined.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let is_test = |word: &&str| {
        word.matches('_').count() > 2
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let mut tests = 0;
    for name in code(&text).filter(is_test) {
        assert!(defined.contains(name), "SECURITY.md names {name}");
        tests += 1;
    }
    assert!(tests > 20, "{tests} tests are named");
    for path in code(&text).filter(|word| word.contains('/') && !word.contains([' ', '~'])) {
        assert!(root().join(path).exists(), "SECURITY.md names {path}");
    }
}
