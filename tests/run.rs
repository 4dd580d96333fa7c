//! Runs of the real binary in the project's folder, without the user's own catalogue, colours or
//! time zone.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A command of the binary, from the project's folder.
pub fn portlore(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portlore"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("SUDO_UID")
        .env("TZ", "Asia/Kathmandu")
        .stdin(Stdio::null());
    command
}

/// Exit status, stdout, stderr.
pub fn outcome(args: &[&str]) -> (i32, String, String) {
    told(&portlore(args).output().unwrap())
}

/// The same of a finished command.
pub fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The same in terms of a folder: `@` stands for its path in the words of the line.
pub fn in_folder(folder: &Path, line: &str) -> (i32, String, String) {
    let folder = format!("{}/", folder.display());
    let words: Vec<String> = line.split(' ').map(|word| word.replace('@', &folder)).collect();
    outcome(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The JSON document of a replay with flows, and its exit status.
pub fn document(args: &[&str]) -> (i32, serde_json::Value) {
    let args = [&["replay", "--flows", "--format", "json"], args].concat();
    let (status, stdout, stderr) = outcome(&args);
    (status, serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {stderr}")))
}

/// What a refused run prints on stderr.
pub fn refusal(args: &[&str]) -> String {
    refused(&portlore(args).output().unwrap())
}

/// The same of a finished command.
pub fn refused(output: &Output) -> String {
    let (status, stdout, stderr) = told(output);
    assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
    stderr
}

/// The help pages of the program, its commands and theirs, each with the words that name it.
pub fn help_pages() -> Vec<(Vec<String>, String)> {
    let mut commands = vec![Vec::new()];
    let mut pages = Vec::new();
    while let Some(command) = commands.get(pages.len()).cloned() {
        let args: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let (status, page, stderr) = outcome(&args);
        assert_eq!(status, 0, "{args:?}: {stderr}");
        let listed = page.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| !line.is_empty()) {
            // The description of a command may go on in lines of its own, which are indented.
            let name = line.strip_prefix("  ").filter(|line| !line.starts_with(' '));
            if let Some(name) = name.and_then(|line| line.split(' ').next())
                && name != "help"
            {
                commands.push(command.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
        pages.push((command, page));
    }
    assert!(pages.len() > 10 && pages.iter().all(|(_, page)| page.contains("Usage: portlore")));
    pages
}

/// What a folder holds, by name.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The names of what a folder holds.
pub fn names(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries(folder).iter().map(name).collect()
}

/// The files below a folder and its folders, by name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries(folder).into_iter().flat_map(below).collect()
}

/// The capture files in a folder of the project, by name.
pub fn captures(folder: &str) -> Vec<String> {
    let names = names(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let names = names.into_iter().filter(|name| name.contains(".pcap"));
    names.map(|name| format!("{folder}/{name}")).collect()
}

/// A service of one's own, named by messages that the fixtures have.
pub const DESK: &str = r#"id = "desk"
name = "Our desk"
tag = "OSC"
speaks = ["osc"]
[[mark]]
fact = "osc.address"
prefix = "/eos/"
"#;
