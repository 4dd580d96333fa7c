//! A writer and a reader in turn: what is written is read, whatever is done with the files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, SystemTime};

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
        Self::in_folder(folder, named, Pace::AT_ONCE)
    }

    fn in_folder(folder: TempDir, named: &str, pace: Pace) -> Self {
        let named = folder.path().join(named);
        let follow = Follow::with_pace(&[named], &Arc::default(), pace).unwrap();
        Self { folder, follow, seen: Vec::new() }
    }

    /// One file for each second, `0000` and so on, followed by folder. Files and folder are as old
    /// as if they had been written a while ago.
    fn with_backlog(files: u32, pace: Pace) -> Self {
        let scene = Self::in_folder(tempfile::tempdir().unwrap(), "", pace);
        for second in 0..files {
            scene.write_aged(&format!("{second:04}"), &[second]);
        }
        scene.age_folder();
        Self::in_folder(scene.folder, "", pace)
    }

    /// Writes a capture that was modified at the time of its first frame.
    fn write_aged(&self, name: &str, seconds: &[u32]) {
        fs::write(self.path(name), capture(seconds)).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + u64::from(seconds[0]));
        self.set_modified(name, time);
    }

    fn age_folder(&self) {
        self.set_modified("", SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
    }

    fn set_modified(&self, name: &str, time: SystemTime) {
        File::open(self.path(name)).unwrap().set_modified(time).unwrap();
    }

    /// Number of files that are examined while nothing comes.
    fn examined_idle(&mut self) -> u64 {
        let before = self.follow.scan.examined;
        assert!(matches!(self.follow.next(), Ok(Next::Idle)));
        self.follow.scan.examined - before
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        OpenOptions::new().append(true).open(self.path(name)).unwrap().write_all(bytes).unwrap();
    }

    /// Reads until this many frames were seen, or far longer than that takes.
    fn read(&mut self, frames: usize) -> &[i64] {
        for _ in 0..frames + 200 {
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
    assert!(scene.follow.problems()[0].contains(
        "a: bytes added after byte 44 were not read, because a later file had already begun"
    ));
}

#[test]
fn a_folder_and_an_empty_file_are_waited_for_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "text that is long enough to be looked at").unwrap();
    let mut scene = Scene::in_folder(folder, "", Pace::AT_ONCE);
    assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
    fs::write(scene.path("it"), capture(&[1])).unwrap();
    assert_eq!(scene.read(1), [1]);
    let error = Follow::open(&[scene.path("x*"), scene.path("y")], &Arc::default()).err().unwrap();
    let errors: Vec<String> = error.lines().collect();
    assert!(
        errors.len() == 2
            && errors[0]
                .ends_with("x* does not exist yet; start the capture first, or name its folder"),
        "{errors:?}"
    );
}

#[test]
fn thousands_of_files_are_counted_once_and_what_comes_then_is_seen() {
    let mut scene = Scene::with_backlog(4_110, Pace::AT_ONCE);
    assert_eq!(scene.read(4_110), (0..4_110).collect::<Vec<_>>());
    for _ in 0..3 {
        assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
    }
    scene.append("4109", &frame(9_999));
    assert_eq!(scene.read(4_111)[4_110..], [9_999]);
    fs::write(scene.path("new"), capture(&[10_000])).unwrap();
    assert_eq!(scene.read(4_112)[4_111..], [10_000]);
    for _ in 0..3 {
        assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
    }
    scene.follow.finish();
    assert_eq!(scene.seen.len(), 4_112);
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn a_backlog_is_read_from_one_listing_without_waiting() {
    let mut scene = Scene::with_backlog(100, Pace::AT_ONCE);
    for second in 0..100 {
        let Ok(Next::Frame(frame)) = scene.follow.next() else { panic!("waits after {second}") };
        assert_eq!(frame.time.0, second * 1_000_000_000);
    }
    assert_eq!(scene.follow.scan.examined, 100);
    assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
}

#[test]
fn a_look_at_many_files_examines_a_few_in_turn_and_what_is_new() {
    let mut scene = Scene::with_backlog(100, Pace { examined: 8, ..Pace::AT_ONCE });
    assert_eq!(scene.read(100).len(), 100);
    // Those in turn and the current one.
    for _ in 0..30 {
        assert!(scene.examined_idle() <= 9);
    }
    // The folder has changed: the new one too, which has no frame yet.
    fs::write(scene.path("new"), header()).unwrap();
    for _ in 0..30 {
        assert!(scene.examined_idle() <= 11);
    }
    scene.age_folder();
    // A file without a frame is examined again, although nothing shows that it has changed.
    scene.append("new", &frame(200));
    assert_eq!(scene.read(101)[100..], [200]);
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn files_among_many_that_are_written_again_or_go_on_are_found_in_their_turn() {
    let mut scene = Scene::with_backlog(100, Pace { examined: 8, ..Pace::AT_ONCE });
    assert_eq!(scene.read(100).len(), 100);
    scene.write_aged("0070", &[301]);
    scene.write_aged("0020", &[302]);
    scene.write_aged("0050", &[303, 304]);
    scene.append("0060", &frame(400));
    assert_eq!(scene.read(104)[100..], [301, 302, 303, 304]);
    for _ in 0..30 {
        assert!(matches!(scene.follow.next(), Ok(Next::Idle)));
    }
    let problems = scene.follow.problems();
    assert!(problems.len() == 1 && problems[0].contains("0060: bytes added after byte 44"));
    scene.follow.finish();
    assert_eq!(scene.follow.problems().len(), 1);
}

#[test]
fn a_name_that_leads_to_a_file_with_the_inode_of_another_is_examined() {
    let mut scene = Scene::with_backlog(20, Pace { examined: 1, ..Pace::AT_ONCE });
    assert_eq!(scene.read(20).len(), 20);
    scene.write_aged("0007", &[100]);
    fs::rename(scene.path("0007"), scene.path("again")).unwrap();
    let before = scene.follow.scan.examined;
    assert_eq!(scene.read(21)[20..], [100]);
    assert!(scene.follow.scan.examined - before < 5);
}

#[test]
fn a_backlog_whose_files_are_renamed_or_removed_is_listed_again() {
    let mut scene = Scene::with_backlog(6, Pace::AT_ONCE);
    assert_eq!(scene.read(2), [0, 1]);
    fs::rename(scene.path("0003"), scene.path("last")).unwrap();
    fs::rename(scene.path("0005"), scene.path("0003")).unwrap();
    fs::remove_file(scene.path("0002")).unwrap();
    assert_eq!(scene.read(5), [0, 1, 3, 4, 5]);
    scene.read(6);
    assert_eq!(scene.seen.len(), 5);
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn a_file_that_is_written_again_in_its_place_and_longer_is_read_from_its_start() {
    let mut scene = Scene::from_files(&[("it", &[1])], "it");
    assert_eq!(scene.read(1), [1]);
    fs::write(scene.path("it"), capture(&[7, 8, 9])).unwrap();
    assert_eq!(scene.read(4), [1, 7, 8, 9]);
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn a_second_name_of_a_file_does_not_end_it() {
    let scene = Scene::with_backlog(1, Pace::AT_ONCE);
    std::os::unix::fs::symlink(scene.path("0000"), scene.path("latest")).unwrap();
    fs::hard_link(scene.path("0000"), scene.path("link")).unwrap();
    let mut scene = Scene::in_folder(scene.folder, "", Pace::AT_ONCE);
    assert_eq!(scene.read(1), [0]);
    scene.append("0000", &frame(1));
    assert_eq!(scene.read(3), [0, 1]);
    scene.follow.finish();
    assert!(scene.follow.problems().is_empty(), "{:?}", scene.follow.problems());
}

#[test]
fn more_files_than_can_be_known_are_refused_and_those_that_are_gone_make_room() {
    let pace = Pace { known: 5, ..Pace::AT_ONCE };
    let mut scene = Scene::with_backlog(5, pace);
    assert_eq!(scene.read(5), [0, 1, 2, 3, 4]);
    for second in 10..20 {
        fs::write(scene.path("new"), capture(&[second])).unwrap();
        fs::remove_file(scene.path(&format!("{:04}", second - 10))).unwrap_or_default();
        fs::rename(scene.path("new"), scene.path("ring")).unwrap();
        assert_eq!(scene.read(scene.seen.len() + 1).last(), Some(&i64::from(second)));
    }
    for second in 20..26 {
        scene.write_aged(&second.to_string(), &[second]);
    }
    let error = (0..10).find_map(|_| scene.follow.next().err()).unwrap().to_string();
    assert!(
        error.ends_with(
            ": --follow handles at most 5 files, and there are more; \
             move finished files elsewhere, or use a narrower pattern"
        ),
        "{error}"
    );
    let refused = Follow::with_pace(&[scene.path("")], &Arc::default(), pace);
    assert_eq!(refused.err().unwrap().to_string(), error);
}

#[test]
fn a_pattern_is_the_names_of_one_folder_or_of_many() {
    let mut scene = Scene::from_files(&[("a1", &[1]), ("b", &[9])], "a?");
    assert_eq!(scene.read(1), [1]);
    fs::write(scene.path("b2"), capture(&[9])).unwrap();
    fs::write(scene.path("a2"), capture(&[2])).unwrap();
    assert_eq!(scene.read(3), [1, 2]);
    fs::create_dir_all(scene.path("sub")).unwrap();
    fs::write(scene.path("sub/c"), capture(&[3])).unwrap();
    let mut scene = Scene::in_folder(scene.folder, "s*/c", Pace::AT_ONCE);
    assert_eq!(scene.read(2), [3]);
}
