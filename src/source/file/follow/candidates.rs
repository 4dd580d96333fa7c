//! The files that the names lead to at the moment, whatever they hold, found one at a time.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use glob::Pattern;

use crate::platform::entry_id;
use crate::source::file::paths::is_pattern;

/// A path that may lead to a capture.
pub(super) struct ListedFile {
    pub(super) path: PathBuf,
    /// Device of the folder and inode of the entry: those of the file, unless the entry is a link
    /// or a mount. None for a path that no listing gave.
    pub(super) listed: Option<(u64, u64)>,
}

/// The listed files in no particular order; an error for a folder that cannot be listed.
pub(super) type ListedFiles = Box<dyn Iterator<Item = io::Result<ListedFile>> + Send>;

/// The candidates of all names. A folder is opened when its turn comes.
pub(super) fn candidates(named: &Arc<[PathBuf]>) -> ListedFiles {
    let named = Arc::clone(named);
    Box::new((0..named.len()).flat_map(move |index| of_name(&named[index])))
}

/// The paths of all candidates at the moment.
#[must_use]
pub fn candidate_paths(named: &[PathBuf]) -> Vec<PathBuf> {
    let found = named.iter().flat_map(|path| of_name(path)).filter_map(Result::ok);
    found.map(|candidate| candidate.path).collect()
}

/// The candidates of one name: a file, a folder without its subfolders, a pattern.
pub(super) fn of_name(path: &Path) -> ListedFiles {
    match Name::from_path(path) {
        Name::File => Box::new(
            path.exists()
                .then(|| Ok(ListedFile { path: path.to_owned(), listed: None }))
                .into_iter(),
        ),
        Name::Folder(folder, pattern) => entries(folder, pattern),
        Name::Deep => {
            let found = glob::glob(&path.to_string_lossy()).into_iter().flatten();
            Box::new(found.filter_map(Result::ok).map(|path| Ok(ListedFile { path, listed: None })))
        }
    }
}

/// The time at which the entries of a name's folder changed last; none for a file, whose folder
/// means nothing, and for a pattern of many folders.
pub(super) fn folder_modified(path: &Path) -> Option<SystemTime> {
    let Name::Folder(folder, _) = Name::from_path(path) else { return None };
    listable(folder).metadata().and_then(|metadata| metadata.modified()).ok()
}

/// Whether only a new listing shows what is new under a name.
pub(super) fn is_listed(path: &Path) -> bool {
    !matches!(Name::from_path(path), Name::File)
}

/// A name by what it leads to at the moment.
enum Name<'p> {
    File,
    /// A folder, and the pattern of the names in it.
    Folder(&'p Path, Option<Pattern>),
    /// A pattern of folders.
    Deep,
}

impl<'p> Name<'p> {
    fn from_path(path: &'p Path) -> Self {
        if path.is_dir() {
            return Self::Folder(path, None);
        }
        if path.exists() || !is_pattern(path) {
            return Self::File;
        }
        let pattern = path.file_name().and_then(OsStr::to_str).filter(|name| !name.contains("**"));
        match (path.parent(), pattern.map(Pattern::new)) {
            (Some(folder), Some(Ok(pattern))) if !is_pattern(folder) => {
                Self::Folder(folder, Some(pattern))
            }
            _ => Self::Deep,
        }
    }
}

/// The path under which a folder is listed: that of a bare file name is empty.
fn listable(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn entries(folder: &Path, pattern: Option<Pattern>) -> ListedFiles {
    let listing = listable(folder)
        .metadata()
        .and_then(|metadata| Ok((metadata, fs::read_dir(listable(folder))?)));
    let (metadata, entries) = match listing {
        Ok(listing) => listing,
        Err(error) => return Box::new(std::iter::once(Err(error))),
    };
    let folder = folder.to_owned();
    let candidate = move |entry: DirEntry| {
        let name = entry.file_name();
        if let Some(pattern) = &pattern
            && !name.to_str().is_some_and(|name| pattern.matches(name))
        {
            return None;
        }
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        (!is_folder)
            .then(|| ListedFile { path: folder.join(name), listed: entry_id(&entry, &metadata) })
    };
    Box::new(entries.filter_map(move |entry| entry.map(&candidate).transpose()))
}
