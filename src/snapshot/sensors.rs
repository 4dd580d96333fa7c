//! Of several snapshots, the one that covers most of each sensor.
//!
//! A snapshot that another one continues is part of it. Two that share some captures only, or that
//! cover different captures of one sensor, do not belong together: what comes before decides how
//! packets are read.

use super::{RecordedFile, SnapshotAbout, SnapshotContents};
use crate::{Error, ErrorKind, Result};

/// A sensor, and where most of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenSensor {
    /// What is covered.
    pub about: SnapshotAbout,
    /// The number of the file, and the place of the sensor in it.
    pub place: (usize, usize),
}

/// The sensors of some files.
#[derive(Debug)]
pub struct Sensors {
    /// Each once, in the order of their names.
    pub chosen: Vec<ChosenSensor>,
    /// Which files are part of others, a line each.
    pub notices: Vec<String>,
}

/// Chooses the sensors of files, each of which has a name.
///
/// # Errors
/// [`ErrorKind::Input`] where files do not belong together: captures of one sensor overlap or do not
/// follow each other, or they were read with other options, services or another version.
pub fn choose_sensors(files: &[(String, SnapshotContents)]) -> Result<Sensors> {
    let mut chosen: Vec<ChosenSensor> = Vec::new();
    let mut notices = Vec::new();
    for (number, (name, contents)) in files.iter().enumerate() {
        for (place, about) in contents.abouts().iter().enumerate() {
            let new = ChosenSensor { about: about.clone(), place: (number, place) };
            if let Some(first) = chosen.first() {
                let first_name = &files[first.place.0].0;
                first.about.check_same(about, first_name).map_err(|e| e.with_object(name))?;
            }
            let place = chosen.binary_search_by(|one| one.about.sensor.cmp(&about.sensor));
            let place = match place {
                Ok(place) => place,
                Err(place) => {
                    chosen.insert(place, new);
                    continue;
                }
            };
            let known = &mut chosen[place];
            let known_name = &files[known.place.0].0;
            let sensor = &about.sensor;
            if begins_with(&known.about.files, &about.files) && is_first(&known.about, about) {
                notices.push(format!("{name}: {sensor} is counted once; {known_name} covers it"));
            } else if begins_with(&about.files, &known.about.files) {
                notices.push(format!("{known_name}: {sensor} is counted once; {name} covers it"));
                *known = new;
            } else {
                return Err(apart((known_name, &known.about), (name, about)));
            }
        }
    }
    Ok(Sensors { chosen, notices })
}

/// Whether all of some captures are the first ones of others.
fn begins_with(all: &[RecordedFile], first: &[RecordedFile]) -> bool {
    all.len() >= first.len() && all.iter().zip(first).all(|(one, other)| is_same(one, other))
}

/// Whether the first of two snapshots is used, where the first covers at least as much. Of two that
/// cover the same it is the one with the lower names, so that the order of the files does not matter.
fn is_first(first: &SnapshotAbout, second: &SnapshotAbout) -> bool {
    let names = first.files.iter().zip(&second.files).map(|(one, other)| (&one.name, &other.name));
    first.files.len() > second.files.len() || names.clone().map(|n| n.0).le(names.map(|n| n.1))
}

/// Whether the frames of two captures are the same, as far as times and lengths tell.
fn is_same(one: &RecordedFile, other: &RecordedFile) -> bool {
    one.digest == other.digest && one.frames == other.frames
}

/// The error where two snapshots of a sensor do not belong together.
fn apart(
    (known_name, known): (&str, &SnapshotAbout),
    (name, about): (&str, &SnapshotAbout),
) -> Error {
    let has = |file: &&RecordedFile| {
        file.frames > 0 && known.files.iter().any(|known| is_same(known, file))
    };
    let (sensor, shared) = (&about.sensor, about.files.iter().find(has));
    let (reason, remedy) = match shared {
        Some(file) => (
            format!("has packets of {sensor} that {known_name} has, too: {}", file.name),
            "leave one of them out",
        ),
        None => (
            format!("does not continue {known_name}, which is of {sensor}, too"),
            "read the captures of a sensor in one chain, with --resume",
        ),
    };
    Error::new(ErrorKind::Input, reason).with_object(name).with_remedy(remedy)
}
