//! The commands that the documents and the help pages show. Also a module of the program's own
//! tests, which parse all of them; `tests/examples.rs` runs those that need no interface.

use std::fs;
use std::path::{Path, PathBuf};

/// The documents, from the project's folder.
pub fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let entries = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    documents.extend(entries.filter(|path| path.extension().is_some_and(|x| x == "md")));
    documents.sort();
    documents
}

/// The commands in the blocks of a document that are for a shell.
pub fn in_blocks(markdown: &str) -> Vec<String> {
    blocks(markdown).flat_map(str::lines).filter_map(command).collect()
}

/// The blocks of a document that are for a shell or show one.
pub fn blocks(markdown: &str) -> impl Iterator<Item = &str> {
    let fenced = markdown.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix("sh\n").or(block.strip_prefix("console\n")))
}

/// The commands among the examples of a help page.
pub fn in_help(page: &str) -> Vec<String> {
    page.lines().filter(|line| line.starts_with("  ")).filter_map(command).collect()
}

/// The part of a line of shell that runs portlore, without prompt, sudo, pipes, redirections and
/// comment.
pub fn command(line: &str) -> Option<String> {
    let line = line.split(" # ").next()?.trim();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let mut commands = line.split(" | ").map(str::trim);
    let command = commands.find_map(|command| {
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        let command = command.strip_prefix("source <(").unwrap_or(command);
        command.starts_with("portlore ").then_some(command)
    })?;
    let command = command.split(" > ").next()?;
    Some(command.trim_end_matches(')').trim().to_owned())
}

/// The words of a command, with quotes as in a shell.
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in command.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    assert!(quote.is_none(), "a quote is not closed in {command}");
    words
}
