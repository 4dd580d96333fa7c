//! Where the frames of several files are. Wireshark opens a file and shows the number of a frame in it,
//! not its number in the stream of all files.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs that are kept at most: files of a ring have one each, files that overlap in time one for each
/// change. Of frames behind them only the number in the stream is known.
const MOST_RUNS: usize = 1 << 18;

/// The files of the frames of a stream. Clones share what is known: the reader adds while others ask.
#[derive(Debug, Clone, Default)]
pub struct FrameFiles {
    runs: Arc<Mutex<Runs>>,
    /// Names of files begin with the name of their sensor.
    of_sensors: bool,
}

/// The place of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramePlace {
    /// The name of the file; untrusted.
    pub file: Arc<str>,
    /// The number of the frame in it, from 1.
    pub frame: u64,
}

/// Frames that follow one another in one file.
#[derive(Debug)]
struct FileRun {
    /// The number of the first of them in the stream.
    first: u64,
    place: FramePlace,
}

#[derive(Debug, Default)]
struct Runs {
    /// By the first frames, in ascending order.
    runs: Vec<FileRun>,
    /// The first frame that is not known any more.
    end: Option<u64>,
    /// The sensor whose files come next, and the frames of those before it.
    sensor: Option<(String, u64)>,
}

impl FrameFiles {
    /// The files of a chain: their names and frames, in order.
    pub fn of_chain<'n>(files: impl IntoIterator<Item = (&'n str, u64)>) -> Self {
        let all = Self::default();
        all.add_chain(files);
        all
    }

    /// Adds the files of a chain, the first of which begins with frame 1.
    pub fn add_chain<'n>(&self, files: impl IntoIterator<Item = (&'n str, u64)>) {
        let mut first = 1_u64;
        for (name, frames) in files {
            self.begin(first, name, 1);
            first = first.saturating_add(frames);
        }
    }

    /// No files yet: those of sensors, by whose names the names begin.
    #[must_use]
    pub fn of_sensors() -> Self {
        Self { of_sensors: true, ..Self::default() }
    }

    /// The name of a file for people: without its folders, unless these are sensors. Untrusted.
    #[must_use]
    pub fn label<'p>(&self, place: &'p FramePlace) -> &'p str {
        if self.of_sensors { &place.file } else { file_name(&place.file) }
    }

    /// Says that the files from here on are of this sensor, whose frames have numbers from 1 and are
    /// behind `before` others.
    pub fn enter_sensor(&self, name: &str, before: u64) {
        self.runs().sensor = Some((name.to_owned(), before));
    }

    /// The name that the file of a sensor has here.
    #[must_use]
    pub fn name_in_sensor(sensor: &str, path: &str) -> String {
        format!("{sensor}/{}", file_name(path))
    }

    /// Adds that from frame `first` of the stream on, frames are those from `frame` on of a file.
    pub fn begin(&self, first: u64, name: &str, frame: u64) {
        let Runs { runs, end, sensor } = &mut *self.runs();
        let (first, file) = match sensor {
            Some((sensor, before)) => {
                (first.saturating_add(*before), Self::name_in_sensor(sensor, name).into())
            }
            None => (first, name.into()),
        };
        if end.is_some() || runs.len() == MOST_RUNS {
            end.get_or_insert(first);
            return;
        }
        // A file without frames has no place.
        if runs.last().is_some_and(|last| last.first == first) {
            runs.pop();
        }
        runs.push(FileRun { first, place: FramePlace { file, frame } });
    }

    /// The place of a frame of the stream; `None` where it is not known.
    #[must_use]
    pub fn place(&self, frame: u64) -> Option<FramePlace> {
        let Runs { runs, end, .. } = &*self.runs();
        if end.is_some_and(|end| frame >= end) {
            return None;
        }
        let run = runs.get(runs.partition_point(|run| run.first <= frame).checked_sub(1)?)?;
        let FramePlace { file, frame: first } = &run.place;
        Some(FramePlace { file: Arc::clone(file), frame: first + (frame - run.first) })
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name without its folders.
fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(OsStr::to_str).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &FrameFiles, frame: u64) -> Option<(String, u64)> {
        files.place(frame).map(|place| (place.file.to_string(), place.frame))
    }

    #[test]
    fn a_frame_of_a_chain_has_its_file_and_its_number_there() {
        let files = FrameFiles::of_chain([("a", 2), ("empty", 0), ("b", 3)]);
        let expected = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 3)];
        for (frame, (name, number)) in (1..).zip(expected) {
            assert_eq!(place(&files, frame), Some((name.to_owned(), number)), "{frame}");
        }
        assert_eq!(place(&files, 0), None);
    }

    #[test]
    fn frames_behind_the_last_run_that_is_kept_have_no_place() {
        let files = FrameFiles::default();
        for frame in 1..=MOST_RUNS as u64 + 9 {
            files.begin(frame, if frame % 2 == 0 { "even" } else { "odd" }, frame.div_ceil(2));
        }
        let last = MOST_RUNS as u64;
        assert_eq!(place(&files, last), Some(("even".to_owned(), last / 2)));
        assert_eq!(place(&files, last + 1), None);
        assert_eq!(place(&files, last + 5), None);
    }
}
