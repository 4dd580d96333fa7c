//! The files that a user names: folders and patterns lead to the files in them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::compressed::{Compression, peek};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::{Error, ErrorKind, Result};

/// Extensions of captures. A file in a folder that has one and is no capture deserves a report.
const ENDINGS: &[&str] = &["pcap", "pcapng", "cap", "dmp", "dump", "ntar"];

/// The files that were found.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct FoundFiles {
    /// Files to be read, in the order of the names that led to them; within a folder by name.
    pub paths: Vec<PathBuf>,
    /// Folders with files that are no captures and were skipped, one line each.
    pub passed_over: Vec<String>,
}

/// Finds the files that a user names: files, `-`, folders (with their subfolders), patterns such as
/// `ring*.pcap` that the shell left alone.
///
/// # Errors
/// A pattern or folder leads to nothing, or a folder cannot be listed: an error for each, with the
/// remedy.
pub fn find(named: &[PathBuf]) -> Result<FoundFiles> {
    let mut found = FoundFiles::default();
    let mut errors = Vec::new();
    for path in named {
        let result = if path.is_dir() {
            folder(path, &mut found)
        } else if !path.exists() && is_pattern(path) {
            pattern(path, &mut found)
        } else {
            found.paths.push(path.clone());
            Ok(())
        };
        errors.extend(result.err());
    }
    // A file that is missing is an error when it is opened.
    match Error::from_all(errors) {
        None => Ok(found),
        Some(error) => Err(error),
    }
}

/// The folders in which named files may come and go.
#[must_use]
pub fn folders(named: &[PathBuf]) -> Vec<PathBuf> {
    let folder = |path: &PathBuf| {
        if path.is_dir() {
            return path.clone();
        }
        // For a pattern, the part before its first wildcard.
        let fixed =
            path.ancestors().skip(1).find(|path| !is_pattern(path)).unwrap_or(Path::new("."));
        if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed.to_owned() }
    };
    named.iter().map(folder).collect()
}

/// Whether a path has wildcards.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn pattern(path: &Path, found: &mut FoundFiles) -> Result<()> {
    let fail = |reason: String| Error::new(ErrorKind::Input, reason).with_object(path.display());
    let matches = glob::glob(&path.to_string_lossy())
        .map_err(|e| fail(format!("is not a valid pattern: {}", e.msg)))?;
    let before = found.paths.len();
    // Sorted by name, which is the order of a ring.
    found.paths.extend(matches.filter_map(Result::ok).filter(|path| path.is_file()));
    if found.paths.len() == before {
        Err(fail("no file matches".into()).with_remedy("check the pattern"))
    } else {
        Ok(())
    }
}

fn folder(path: &Path, found: &mut FoundFiles) -> Result<()> {
    let (mut captures, mut others) = (Vec::new(), 0_u64);
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                _ => ErrorKind::Input,
            };
            Error::new(kind, format!("cannot be listed: {error}")).with_object(folder.display())
        })?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            // A link to a folder may lead back to this one.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.is_file() && (is_called_capture(&path) || is_capture(&path)) {
                captures.push(path);
            } else {
                others += 1;
            }
        }
    }
    if captures.is_empty() {
        return Err(Error::new(ErrorKind::Input, "contains no capture files")
            .with_object(path.display())
            .with_remedy("check the path"));
    }
    captures.sort();
    found.paths.append(&mut captures);
    if others > 0 {
        found.passed_over.push(format!(
            "{}: skipped {} not captures",
            path.display(),
            if others == 1 {
                "1 file that is".to_owned()
            } else {
                format!("{others} files that are")
            }
        ));
    }
    Ok(())
}

fn is_called_capture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Whether a file begins like a capture, compressed or not.
fn is_capture(path: &Path) -> bool {
    let Ok((first, rest)) = File::open(path).and_then(peek) else { return false };
    let is_known = |first: &[u8]| {
        first.first_chunk().is_some_and(|&magic| Pcap::is_magic(magic) || Pcapng::is_magic(magic))
    };
    match Compression::from_magic(&first) {
        None => is_known(&first),
        Some(compression) => {
            compression.open(rest).and_then(peek).is_ok_and(|(unpacked, _)| is_known(&unpacked))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &FoundFiles) -> Vec<String> {
        found
            .paths
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn folders_and_patterns_are_the_captures_in_them_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let magic = [0xd4, 0xc3, 0xb2, 0xa1];
        fs::create_dir(folder.path().join("sub")).unwrap();
        for (name, bytes) in [
            ("b.pcap1", &magic[..]),
            ("a.pcap", b"broken"),
            ("notes.txt", b"hello"),
            ("sub/c", &[0x0a, 0x0d, 0x0d, 0x0a]),
            ("empty", b""),
        ] {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let found = find(&[folder.path().to_owned()]).unwrap();
        assert_eq!(names(&found), ["a.pcap", "b.pcap1", "c"]);
        assert!(
            found.passed_over[0].ends_with("skipped 2 files that are not captures"),
            "{found:?}"
        );
        let found = find(&[folder.path().join("*.pcap*"), "-".into(), "plain".into()]).unwrap();
        assert_eq!(names(&found), ["a.pcap", "b.pcap1", "-", "plain"]);
    }

    #[test]
    fn names_that_lead_to_nothing_are_told_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(&[folder.path().to_owned(), folder.path().join("x*")]).unwrap_err();
        let errors: Vec<String> = error.lines().collect();
        assert!(errors[0].ends_with("contains no capture files; check the path"), "{errors:?}");
        assert!(errors[1].ends_with("x*: no file matches; check the pattern"), "{errors:?}");
    }
}
