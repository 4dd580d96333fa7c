//! A writer and a reader in turn: what is written is read, whatever is done with the files.

use std::fs::{self, OpenOptions};
use std::io::Write;

use tempfile::TempDir;

use super::*;

fn header() -> Vec<u8> {
    [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..], &[0; 8], &[0, 0, 4, 0], &[1, 0, 0, 0]].concat()
}

/// A frame of four bytes, `second` seconds after the beginning of time.
fn frame(second: u32) -> Vec<u8> {
    [&second.to_le_bytes()[..], &[0; 4], &[4, 0, 0, 0], &[4, 0, 0, 0], b"data"].concat()
}

fn capture(seconds: &[u32]) -> Vec<u8> {
    [header(), seconds.iter().flat_map(|&second| frame(second)).collect()].concat()
}

/// A folder, a stream from it, and the seconds that came so far.
struct Scene {
    folder: TempDir,
    follow: Follow,
    seen: Vec<i64>,
}

impl Scene {
    fn from_files(files: &[(&str, &[u32])], named: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, seconds) in files {
            fs::write(folder.path().join(name), capture(seconds)).unwrap();
        }
        let follow = Follow::open(&[folder.path().join(named)], &Arc::default()).unwrap();
        Self { folder, follow, seen: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        OpenOptions::new().append(true).open(self.path(name)).unwrap().write_all(bytes).unwrap();
    }

    /// Reads until this many frames were seen, or far longer than that takes.
    fn read(&mut self, frames: usize) -> &[i64] {
        for _ in 0..200 {
            if self.seen.len() >= frames {
                break;
            }
            if let Next::Frame(frame) = self.follow.next().unwrap() {
                self.seen.push(frame.time.0 / 1_000_000_000);
            }
        }
        &self.seen
    }
}

#[test]
fn a_file_that_grows_is_read_as_it_grows_half_a_frame_at_a_time() {
    let mut scene = Scene::from_files(&[("it", &[1])], "it");
    assert_eq!(scene.read(1), [1]);
    let (half, rest) = (frame(2)[..9].to_vec(), frame(2)[9..].to_vec());
    scene.append("it", &half);
    assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
    scene.append("it", &rest);
    assert_eq!(scene.read(2), [1, 2]);
    assert!(scene.follow.problems().is_empty() && scene.follow.is_endless());
}

#[test]
fn a_file_that_is_renamed_and_made_anew_is_read_to_its_end_and_then_the_new_one() {
    let mut scene = Scene::from_files(&[("it", &[1])], "it");
    assert_eq!(scene.read(1), [1]);
    scene.append("it", &frame(2));
    fs::rename(scene.path("it"), scene.path("it.1")).unwrap();
    fs::write(scene.path("it"), capture(&[3])).unwrap();
    assert_eq!(scene.read(3), [1, 2, 3]);
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn a_ring_is_read_file_by_file_and_round_again() {
    let mut scene = Scene::from_files(&[("ring0", &[1, 2])], "ring*");
    assert_eq!(scene.read(2), [1, 2]);
    fs::write(scene.path("ring1"), capture(&[3, 4])).unwrap();
    assert_eq!(scene.read(4), [1, 2, 3, 4]);
    // The first again, in its place.
    fs::write(scene.path("ring0"), capture(&[5])).unwrap();
    assert_eq!(scene.read(5), [1, 2, 3, 4, 5]);
    scene.append("ring0", &frame(6));
    assert_eq!(scene.read(6), [1, 2, 3, 4, 5, 6]);
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn a_file_that_is_cut_to_nothing_and_written_again_is_read_from_its_start() {
    let mut scene = Scene::from_files(&[("it", &[1, 2, 3])], "it");
    assert_eq!(scene.read(3), [1, 2, 3]);
    fs::write(scene.path("it"), capture(&[9])).unwrap();
    assert_eq!(scene.read(4), [1, 2, 3, 9]);
}

#[test]
fn what_a_file_gains_after_another_has_begun_is_told() {
    let mut scene = Scene::from_files(&[("a", &[1])], "*");
    assert_eq!(scene.read(1), [1]);
    fs::write(scene.path("b"), capture(&[2])).unwrap();
    assert_eq!(scene.read(2), [1, 2]);
    scene.append("a", &frame(3));
    scene.follow.finish();
    assert!(
        scene.follow.problems()[0]
            .contains("a: went on after byte 44, when another file had begun")
    );
}

#[test]
fn a_folder_and_an_empty_file_are_waited_for_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "text that is long enough to be looked at").unwrap();
    let follow = Follow::open(&[folder.path().to_owned()], &Arc::default()).unwrap();
    let mut scene = Scene { folder, follow, seen: Vec::new() };
    assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
    fs::write(scene.path("it"), capture(&[1])).unwrap();
    assert_eq!(scene.read(1), [1]);
    let error = Follow::open(&[scene.path("x*"), scene.path("y")], &Arc::default()).err().unwrap();
    let errors: Vec<String> = error.lines().collect();
    assert!(
        errors.len() == 2
            && errors[0]
                .ends_with("x*: is not there yet; start the capture first, or name its folder"),
        "{errors:?}"
    );
}
