//! What differs between systems is chosen in the places that `docs/platforms.md` names, and nowhere
//! else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::run::files;

/// What a choice between systems is made by.
const CHOICES: &[&str] = &["target_os", "target_vendor", "target_family", "unix", "windows"];

/// Whether a line of code chooses between systems.
fn chooses(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let Some((_, condition)) = code.split_once("cfg") else { return false };
    let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_condition = condition.starts_with(['(', '!', '_']);
    // The path behind a condition is no choice of its own.
    is_condition && words.any(|word| CHOICES.contains(&word))
}

#[test]
fn systems_are_told_apart_where_the_documentation_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documentation = fs::read_to_string(root.join("docs/platforms.md")).unwrap();
    let documented: BTreeSet<String> = documentation
        .lines()
        .filter(|line| line.starts_with("| `src/"))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.starts_with("src/") && name.strip_suffix(".rs").is_some())
        .map(str::to_owned)
        .collect();
    let mut choosing = BTreeSet::new();
    for path in files(&root.join("src")) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // A condition may go on over several lines.
            let text = text.replace("cfg_attr(\n", "cfg_attr(").replace("cfg(\n", "cfg(");
            if text.lines().any(chooses) {
                let inside = path.strip_prefix(root).unwrap();
                choosing.insert(inside.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    assert_eq!(choosing, documented, "left: the code, right: docs/platforms.md");
}

#[test]
fn what_replaces_a_module_is_there_with_its_place_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documentation = fs::read_to_string(root.join("docs/platforms.md")).unwrap();
    let replacing = files(&root.join("src")).into_iter().filter(|path| {
        path.iter().any(|part| part == "windows" || part == "elsewhere")
            || path.file_name().is_some_and(|name| name == "windows.rs")
    });
    for path in replacing {
        let inside = path.strip_prefix(root).unwrap();
        let folder = inside.parent().unwrap().to_str().unwrap();
        let is_named = documentation.contains(&format!("`{folder}/`"))
            || documentation.contains(&format!("`{}`", inside.display()));
        assert!(is_named, "{} is not in docs/platforms.md", inside.display());
    }
}
